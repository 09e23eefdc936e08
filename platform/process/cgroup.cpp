// Files below the mount of cgroup2; see cgroups(7) and the kernel's admin-guide/cgroup-v2.
#include "platform/process/cgroup.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace dossier::process {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNamePrefix = "dossier-";
constexpr std::size_t kMaxName = 240;
constexpr int kEmptyRounds = 100;  // of 1 ms: what was killed needs a moment to be gone

struct Place {
  std::string folder;  // this process's own group
  std::string why_not;
};

// The path of this process in the hierarchy of version 2: "0::/path".
std::string path_in_hierarchy() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.compare(0, 3, "0::") == 0) return line.substr(3);
  return "";
}

// Where that hierarchy is mounted, and which part of it: "… root mount-point options … - type source options".
std::string folder_of(const std::string& path) {
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream words(line);
    std::string skipped, root, mount;
    words >> skipped >> skipped >> skipped >> root >> mount;
    if (mount.find('\\') != std::string::npos) continue;  // a name with spaces
    if (root == "/") return path == "/" ? mount : mount + path;
    if (path.compare(0, root.size(), root) == 0) return mount + path.substr(root.size());
  }
  return "";
}

// A service manager minds the groups that it made, unless it handed one over.
bool is_handed_over(const std::string& folder) {
  if (::access("/run/systemd/system", F_OK) != 0) return true;
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (::getxattr(folder.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

Place find_place() {
  const std::string path = path_in_hierarchy();
  const std::string folder = path.empty() ? "" : folder_of(path);
  if (folder.empty()) return {"", "this machine has no cgroup v2"};
  if (::access(folder.c_str(), W_OK | X_OK) != 0 || ::access((folder + "/cgroup.procs").c_str(), W_OK) != 0)
    return {"", folder + " can't be written to"};
  if (!is_handed_over(folder)) return {"", folder + " is systemd's; set Delegate=yes in the unit"};
  return {folder, ""};
}

const Place& place() {
  static const Place found = find_place();
  return found;
}

// Nothing that leads elsewhere; the same for a prefix as for the whole.
std::string plain(std::string_view family) {
  std::string name = kNamePrefix;
  for (const char c : family) name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '.';
  return name;
}

std::string path_of(std::string_view family) {
  const std::string name = plain(family);
  return place().folder.empty() || family.empty() || name.size() > kMaxName ? "" : place().folder + "/" + name;
}

void write_to(const std::string& file, const char* text) noexcept {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, text, 1);
  ::close(fd);
}

bool is_populated(const std::string& path) {
  std::ifstream file(path + "/cgroup.events");
  for (std::string key, value; file >> key >> value;)
    if (key == "populated") return value != "0";
  return false;
}

std::size_t count(const std::string& path) {
  std::size_t found = 0;
  std::ifstream file(path + "/cgroup.procs");
  for (std::string line; std::getline(file, line);) ++found;
  std::error_code failed;
  for (fs::directory_iterator item(path, failed), end; !failed && item != end; item.increment(failed))
    if (std::error_code ignored; item->is_directory(ignored)) found += count(item->path().string());
  return found;
}

// Those below first: an agent may have made some.
void remove_tree(const std::string& path) {
  std::error_code failed;
  for (fs::directory_iterator item(path, failed), end; !failed && item != end; item.increment(failed))
    if (std::error_code ignored; item->is_directory(ignored)) remove_tree(item->path().string());
  ::rmdir(path.c_str());
}

}  // namespace

const std::string& why_no_cgroups() { return place().why_not; }

Cgroup Cgroup::make(std::string_view family) {
  Cgroup group;
  const std::string path = path_of(family);
  if (path.empty()) return group;
  if (::mkdir(path.c_str(), 0755) != 0 && (errno != EEXIST || is_populated(path))) return group;
  group.path_ = path;
  group.own_ = true;
  group.entry_ = ::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  // A kernel before 5.14 can't end a group in one step: then it is of no use here.
  if (group.entry_ < 0 || ::access((path + "/cgroup.kill").c_str(), W_OK) != 0) return {};
  return group;
}

Cgroup Cgroup::find(std::string_view family) {
  Cgroup group;
  const std::string path = path_of(family);
  if (!path.empty() && ::access(path.c_str(), F_OK) == 0) group.path_ = path;
  return group;
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::exchange(other.path_, {});
  entry_ = std::exchange(other.entry_, -1);
  own_ = std::exchange(other.own_, false);
  return *this;
}

std::size_t Cgroup::size() const { return path_.empty() ? 0 : count(path_); }
bool Cgroup::is_empty() const { return path_.empty() || !is_populated(path_); }

void Cgroup::kill() noexcept {
  if (!path_.empty()) write_to(path_ + "/cgroup.kill", "1");
}

void Cgroup::remove() noexcept {
  if (entry_ >= 0) ::close(std::exchange(entry_, -1));
  if (own_) remove_tree(path_);
  path_.clear();
  own_ = false;
}

void remove_cgroups(std::string_view family_prefix) {
  if (place().folder.empty() || family_prefix.empty()) return;
  const std::string prefix = plain(family_prefix);
  std::error_code failed;
  for (fs::directory_iterator item(place().folder, failed), end; !failed && item != end; item.increment(failed)) {
    if (item->path().filename().string().compare(0, prefix.size(), prefix) != 0) continue;
    const std::string path = item->path().string();
    for (int round = 0; round < kEmptyRounds && is_populated(path); ++round) {
      write_to(path + "/cgroup.kill", "1");
      const timespec pause{0, 1'000'000};
      ::nanosleep(&pause, nullptr);
    }
    remove_tree(path);
  }
}

}  // namespace dossier::process
