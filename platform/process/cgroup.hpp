// A control group (cgroup v2) of a family's own, where this process may make one: then the kernel knows every member, whatever
// that did to its session, its parents or its environment, and ends all of them in one step. It limits nothing: a group that
// has processes can't hand controllers down.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace dossier::process {

// Why no group can be made below this process's own; "" where one can. Looked at once.
const std::string& why_no_cgroups();

// Not thread-safe; several may stand for one group, of which the one that made it removes it.
class Cgroup {
 public:
  Cgroup() = default;  // none: holds nobody, is empty, kills nothing
  // A new group, or the empty one that an earlier process left under this name. None where there can be none.
  static Cgroup make(std::string_view family);
  // The group of a family, to look at; none where it has none.
  static Cgroup find(std::string_view family);
  ~Cgroup() { remove(); }
  Cgroup(Cgroup&& other) noexcept { *this = std::move(other); }
  Cgroup& operator=(Cgroup&& other) noexcept;

  explicit operator bool() const noexcept { return !path_.empty(); }
  // Whoever writes "0" to this descriptor is in. It stays the group's, and closes on exec.
  int entry() const noexcept { return entry_; }
  std::size_t size() const;  // living processes, in groups below it too
  bool is_empty() const;
  void kill() noexcept;  // SIGKILL to all, also to those which are being forked
  // Where it is empty and its own; at the latest when the object ends.
  void remove() noexcept;

 private:
  std::string path_;
  int entry_ = -1;
  bool own_ = false;
};

// Groups of families whose mark starts with the prefix: what an earlier run of this program left. Kills what is in them.
void remove_cgroups(std::string_view family_prefix);

}  // namespace dossier::process
