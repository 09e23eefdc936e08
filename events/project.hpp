// A project: a repository that issues work on. Streams project/<id> and project/<id>/use (which issues are attached).
#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

// http(s), ssh, git or file URLs and scp-like addresses; an absolute path for a local one. The error names the field.
Status check_source(const v1::ProjectSource& source);
// As git does for a branch (git-check-ref-format): the error names the field.
Status check_branch(std::string_view branch, std::string_view field);
// The project exists and was not removed.
Status require_project(const v1::ProjectState& state);
// Nothing if it is (not) trusted already. not_found.
Result<std::optional<v1::ProjectEvent>> trust_project(const v1::ProjectState& state, bool trusted);

}  // namespace dossier::events
