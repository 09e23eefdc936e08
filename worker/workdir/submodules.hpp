// Submodules of a worktree, checked out by the git program (libgit2 can't): before any agent works there, so its .gitmodules is the
// source's own. What that names is foreign all the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/git/git.hpp"

namespace dossier::worker {

struct SubmodulePlace {
  std::string repository;  // the mirror
  std::string worktree;    // its name there: submodules' repositories lie below worktrees/<name>/modules of the mirror
  std::string path;        // of the worktree, which was checked out just now
  std::string scratch;     // a folder that is not there yet, closed to all others; left to the caller to remove, also after an error
};

inline constexpr std::int64_t kSubmodulesMs = 540'000;  // for all of one worktree: a run waits for it ten minutes

// Checks out what `content` names, one after the other, and what is within those, on the thread that calls. The mirror's settings are
// neither used nor changed. After an error half of them may be there. Errors have the field "source" and name the submodule: invalid_field (no
// program git; an address, protocol or commit that can't be had), forbidden (credentials), io (git's words, or its time is over), shutting_down
// (should_stop said so).
Status check_out_submodules(const SubmodulePlace& place, const git::Content& content, const git::Remote& source, const git::ShouldStop& should_stop,
                            std::int64_t limit_ms = kSubmodulesMs);

// What the folders of these submodules look like from outside (names, sizes, times), to be written and compared later. One that has more than
// kMaxLooked entries, or is none, looks like nothing.
inline constexpr std::size_t kMaxLooked = 500'000;
std::string look_of_submodules(const std::string& worktree, const std::vector<std::string>& submodules);
// Those which are there and look otherwise than they did, each as "path: why".
std::vector<std::string> changed_submodules(const std::string& worktree, std::string_view look);

}  // namespace dossier::worker
