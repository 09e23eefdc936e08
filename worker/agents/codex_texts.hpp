// What a person reads of Codex's items, and what rules match. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json.hpp"

namespace dossier::worker::codex {

struct Patch {
  std::string text;                // a unified diff
  std::vector<std::string> paths;  // each once: of the files before and after; below the worktree relative to it
};
inline constexpr std::size_t kMaxPatch = 256 * 1024;  // a longer one is cut, and ends in the SHA-256 of the whole
inline constexpr std::size_t kMaxPatchPaths = 1'000;

// Of fileChange{changes[{path, kind{type, move_path}, diff}]}.
Patch patch_of_item(const json::Value& file_change, std::string_view worktree);
// Of applyPatchApproval{fileChanges{path: {type, content | unified_diff, move_path}}}.
Patch patch_of_legacy(const json::Value& params, std::string_view worktree);

std::string plan_text(const json::Value& plan);
std::string joined_text(const json::Value* parts);
std::string failure_text(const json::Value& error);
// True where another try may succeed: the model's service was overloaded or broke, not the request.
bool is_transient_failure(const json::Value& error);
// The words of a command as one line that a shell would take for them.
std::string command_line(const json::Value& words);

}  // namespace dossier::worker::codex
