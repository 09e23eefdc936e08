// One look at /proc a call. What can't be read (it ended meanwhile, or belongs to another account) is skipped.
#include "platform/process/family.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>

#include "platform/process/cgroup.hpp"
#include "platform/process/process.hpp"

namespace dossier::process {
namespace {

struct Entry {
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  char state = '?';
};

constexpr std::size_t kMaxEnvironment = 4u << 20;

std::string read_small(const std::string& path, std::size_t most) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[16384];
  while (text.size() < most) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return text;
}

// "pid (comm) state ppid pgrp session …": comm may hold spaces and parentheses, so the last ')' counts.
bool read_entry(pid_t pid, Entry& entry) {
  const std::string text = read_small("/proc/" + std::to_string(pid) + "/stat", 4096);
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos || end + 2 >= text.size()) return false;
  int parent = 0, group = 0, session = 0;
  if (::sscanf(text.c_str() + end + 2, "%c %d %d %d", &entry.state, &parent, &group, &session) != 4) return false;
  entry.parent = parent;
  entry.group = group;
  entry.session = session;
  return true;
}

std::map<pid_t, Entry> process_table() {
  std::map<pid_t, Entry> table;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return table;
  while (const dirent* item = ::readdir(directory)) {
    char* end = nullptr;
    const long pid = std::strtol(item->d_name, &end, 10);
    if (pid <= 0 || *end != '\0') continue;
    Entry entry;
    if (read_entry(static_cast<pid_t>(pid), entry)) table.emplace(static_cast<pid_t>(pid), entry);
  }
  ::closedir(directory);
  return table;
}

// True where the environment has the mark: exactly, or as a prefix of its value.
bool is_marked(pid_t pid, std::string_view value, bool prefix) {
  const std::string environment = read_small("/proc/" + std::to_string(pid) + "/environ", kMaxEnvironment);
  const std::string wanted = std::string(kFamilyVariable) + "=" + std::string(value);
  std::size_t at = 0;
  while (at < environment.size()) {
    std::size_t end = environment.find('\0', at);
    if (end == std::string::npos) end = environment.size();
    const std::string_view variable(environment.data() + at, end - at);
    if (prefix ? variable.substr(0, wanted.size()) == wanted : variable == wanted) return true;
    at = end + 1;
  }
  return false;
}

// In the middle of execve, and while its memory is taken down, a process shows neither environment nor command line: what
// it is can't be told yet. Kernel threads look the same for ever; they have no group.
bool is_between(pid_t pid, const Entry& entry) { return entry.group != 0 && read_small("/proc/" + std::to_string(pid) + "/cmdline", 1).empty(); }

bool is_dead(const Entry& entry) { return entry.state == 'Z' || entry.state == 'X'; }

bool adopts_orphans() noexcept {
  int adopts = 0;
  return ::prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0) == 0 && adopts != 0;
}

// Where orphans come to this process, all that it ever spawned descends from it, and the marks of others need not be read:
// that is most of a look's cost. A process whose ancestors ended while this look went on may be anybody's.
bool may_descend_from(pid_t ancestor, pid_t pid, const std::map<pid_t, Entry>& table) {
  for (std::size_t depth = 0; depth <= table.size(); ++depth) {
    const auto entry = table.find(pid);
    if (entry == table.end() || entry->second.parent == ancestor) return true;
    if (entry->second.parent == 0) return false;
    pid = entry->second.parent;
  }
  return true;  // a circle: pids were given anew while this looked
}

std::mutex owned_mutex;
int spawning = 0;
std::set<pid_t>& owned() {
  static std::set<pid_t> pids;
  return pids;
}

void pause_ms(long ms) {
  const timespec pause{0, ms * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace

void adopt_orphans() noexcept { ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

Family family_members(pid_t root, std::string_view family) {
  const auto table = process_table();
  const pid_t self = ::getpid();
  const bool all_descend = adopts_orphans();
  std::set<pid_t> members;
  bool settled = true;
  for (const auto& [pid, entry] : table) {
    if (pid == self || is_dead(entry)) continue;
    if (pid == root || entry.session == root || entry.group == root) {
      members.insert(pid);
    } else if (!family.empty() && (!all_descend || may_descend_from(self, pid, table))) {
      if (is_marked(pid, family, false))
        members.insert(pid);
      else if (is_between(pid, entry))
        settled = false;
    }
  }
  // Children of members, to any depth: the table is finite, so this ends.
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [pid, entry] : table)
      if (pid != self && !is_dead(entry) && (entry.parent == root || members.count(entry.parent) != 0) && members.insert(pid).second) grew = true;
  }
  return {{members.begin(), members.end()}, settled};
}

std::size_t family_size(std::string_view family) {
  if (const Cgroup group = Cgroup::find(family)) return group.size();
  constexpr pid_t kNoRoot = -1;
  return family_members(kNoRoot, family).members.size();
}

Family marked_processes(std::string_view family_prefix) {
  Family found;
  for (const auto& [pid, entry] : process_table()) {
    if (pid == ::getpid() || is_dead(entry)) continue;
    if (is_marked(pid, family_prefix, true))
      found.members.push_back(pid);
    else if (is_between(pid, entry))
      found.settled = false;
  }
  return found;
}

std::size_t kill_marked(std::string_view family_prefix) {
  std::set<pid_t> seen;
  for (int round = 0; round < kKillRounds; ++round) {
    const Family found = marked_processes(family_prefix);
    if (found.is_gone()) break;
    for (const pid_t pid : found.members) {
      seen.insert(pid);
      ::kill(pid, SIGKILL);
    }
    reap_orphans();
    pause_ms(round < 10 ? 1 : 10);
  }
  remove_cgroups(family_prefix);
  return seen.size();
}

void reap_orphans() {
  const pid_t self = ::getpid();
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;  // no child of ours has ended
  for (const auto& [pid, entry] : process_table()) {
    if (entry.state != 'Z' || entry.parent != self) continue;
    const std::lock_guard lock(owned_mutex);
    if (spawning == 0 && owned().count(pid) == 0) ::waitpid(pid, nullptr, WNOHANG);
  }
}

void OwnedPids::begin_spawn() {
  const std::lock_guard lock(owned_mutex);
  ++spawning;
}
void OwnedPids::end_spawn(pid_t pid) {
  const std::lock_guard lock(owned_mutex);
  --spawning;
  if (pid > 0) owned().insert(pid);
}
void OwnedPids::remove(pid_t pid) {
  const std::lock_guard lock(owned_mutex);
  owned().erase(pid);
}

}  // namespace dossier::process
