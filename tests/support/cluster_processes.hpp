// The processes of a pair of OwnClusters by their ids: killed and frozen at once, as by a machine that crashes or pauses.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dossier::test {

// `folder` is OwnClusters::folder(). Empty: it does not run.
std::vector<pid_t> kafka_processes(const std::string& folder);
// The server first, then its backends of this moment.
std::vector<pid_t> postgres_processes(const std::string& folder);
// The process of a file "<pid> <start time>" as infra/local/common.sh writes it, and its children. A number that the
// kernel has given to another program since is not that process.
std::vector<pid_t> processes_of(const std::string& pid_file);

void signal_all(const std::vector<pid_t>& processes, int number);
// SIGKILL to all of them at one moment. Returns once they are gone.
void kill_all(const std::vector<pid_t>& processes);
bool process_lives(pid_t pid);

}  // namespace dossier::test
