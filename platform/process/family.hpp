// Finding every process that descends from a spawned one, by what the kernel says about each: its session, its group,
// its ancestors, and the mark in its environment, which survives a double fork and setsid.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace dossier::process {

// Orphans of our children come to us instead of init, so that they can be found and reaped. Once, at start.
void adopt_orphans() noexcept;

// What one look found. A look that met a process in the middle of execve or of its end can't say whose that is:
// it is not settled, and the next look, a moment later, is.
struct Family {
  std::vector<pid_t> members;
  bool settled = true;

  bool is_gone() const { return members.empty() && settled; }
};

// Living members (zombies left out): children of `root` at any depth, members of its session or group, and whatever
// carries `family` in its environment. Never this process itself.
Family family_members(pid_t root, std::string_view family);

// How many living processes the family has: what its control group says, or a look at the process table where it has none.
std::size_t family_size(std::string_view family);

// Living processes whose mark starts with the prefix: what an earlier run of this program left behind.
Family marked_processes(std::string_view family_prefix);
// Kills those, with repeats, and removes the control groups of such families. The number which it found.
std::size_t kill_marked(std::string_view family_prefix);

// Children of ours which nobody waits for (adopted orphans) are reaped; those registered by spawn are left alone.
void reap_orphans();

// The pids that have an owner. While one is being spawned nobody is reaped, so that a child which dies at once is not taken for an
// orphan; no lock is held meanwhile, since a child may hang before it execs (a working directory on a mount that is gone).
class OwnedPids {
 public:
  static void begin_spawn();
  static void end_spawn(pid_t pid);  // negative: there is none
  static void remove(pid_t pid);
};

}  // namespace dossier::process
