// Reading pid files and /proc.
#include "tests/support/cluster_processes.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kGoneDeadlineMs = 20'000;
constexpr std::int64_t kReapedDeadlineMs = 5'000;

struct ProcessFacts {
  char state = 0;  // 0: there is no such process
  pid_t parent = 0;
  std::string started_at;
};

// /proc/<pid>/stat after the name, which may hold anything: state, parent, …, start time as the 20th of these.
ProcessFacts facts_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  ProcessFacts facts;
  if (!std::getline(file, line) || line.rfind(')') == std::string::npos) return facts;
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  rest >> facts.state >> facts.parent;
  for (int skipped = 0; skipped < 18; ++skipped) rest >> facts.started_at;
  return facts;
}

}  // namespace

std::vector<pid_t> processes_of(const std::string& pid_file) {
  std::ifstream file(pid_file);
  pid_t first = 0;
  std::string started_at;
  if (!(file >> first >> started_at) || facts_of(first).started_at != started_at || !process_lives(first)) return {};
  std::vector<pid_t> found{first};
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::stoi(name);
    if (facts_of(pid).parent == first) found.push_back(pid);
  }
  return found;
}

std::vector<pid_t> kafka_processes(const std::string& folder) { return processes_of(folder + "/kafka/broker.pid"); }
std::vector<pid_t> postgres_processes(const std::string& folder) { return processes_of(folder + "/postgres/postgres.pid"); }

void signal_all(const std::vector<pid_t>& processes, int number) {
  for (const pid_t pid : processes) ::kill(pid, number);
}

void kill_all(const std::vector<pid_t>& processes) {
  // Stopped first, so that none sees another one die and reacts to it.
  signal_all(processes, SIGSTOP);
  signal_all(processes, SIGKILL);
  eventually(kGoneDeadlineMs, [&] {
    for (const pid_t pid : processes)
      if (process_lives(pid)) return false;
    return true;
  });
  // PostgreSQL does not start while a process has the number in its lock file, and a dead one has it until init has looked after it.
  eventually(kReapedDeadlineMs, [&] {
    for (const pid_t pid : processes)
      if (facts_of(pid).state != 0) return false;
    return true;
  });
}

bool process_lives(pid_t pid) {
  const char state = facts_of(pid).state;
  return state != 0 && state != 'Z' && state != 'X';
}

}  // namespace dossier::test
