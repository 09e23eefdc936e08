// Paths as people and rules read them: the same whichever folder the worktree lies in this time. Pure.
#pragma once

#include <string>
#include <string_view>

namespace dossier::worker {

// Below the worktree: relative to it ("." for itself); elsewhere: as it is. Both are absolute and free of links.
std::string path_in_worktree(std::string_view path, std::string_view worktree);

}  // namespace dossier::worker
