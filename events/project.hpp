// A project: a repository that issues work on. Streams project/<id> and project/<id>/use (which issues are attached).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr int kMaxProjectSecrets = 20;  // workers look for all forms of all of them (masking::kMaxFormBytes)
inline constexpr std::size_t kMaxSecretNameBytes = 100;

// http(s), ssh, git or file URLs and scp-like addresses; an absolute path for a local one. The error names the field.
Status check_source(const v1::ProjectSource& source);
// As git does for a branch (git-check-ref-format): the error names the field.
Status check_branch(std::string_view branch, std::string_view field);
// The project exists and was not removed.
Status require_project(const v1::ProjectState& state);
// Nothing if it is (not) trusted already. not_found.
Result<std::optional<v1::ProjectEvent>> trust_project(const v1::ProjectState& state, bool trusted);

// The word for it, which is the name of git's credentials too: git_https, git_ssh, value.
std::string_view project_secret_kind(v1::ProjectSecretSet::Kind kind);
// The secret of this name is removed first, where there is one. Nothing: this very secret is set already. invalid_field: the name.
// conflict: too many. not_found: no such project.
Result<std::vector<v1::ProjectEvent>> set_project_secret(const v1::ProjectState& state, const v1::ProjectSecretSet& set);
// Nothing where it was removed or replaced before, or never was: nobody learns which.
Result<std::optional<v1::ProjectEvent>> remove_project_secret(const v1::ProjectState& state, std::string_view secret_id);

}  // namespace dossier::events
