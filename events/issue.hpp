// An issue, its comments and its working copy. Streams issue/<id>, comment/<id>, issue/<id>/copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr std::size_t kMaxTitleBytes = 500;
inline constexpr std::size_t kMaxBodyBytes = 200'000;

Status require_issue(const v1::IssueState& state);

// todo, queued, running, in_progress, open → open; review, in_review, testing, needs_review → needs_review;
// ready_to_test, ready_for_test → ready_for_test; done, completed, closed → closed. nullopt: no such word.
std::optional<v1::IssueStatus> parse_status(std::string_view word);
std::string_view status_name(v1::IssueStatus status);

// What an edit changes; absent = unchanged.
struct IssueEdit {
  std::optional<std::string> title;
  std::optional<std::string> body;
  std::optional<v1::IssueStatus> status;
};
// The events of an edit; none if nothing changes. (The body is not part of the state: giving one always counts as a change.)
std::vector<v1::IssueEvent> edit_issue(const v1::IssueState& state, const IssueEdit& edit);

// One active session a working copy. working_copy_busy while another has it; the same session again yields nothing.
Result<std::optional<v1::CopyEvent>> reserve_copy(const v1::CopyState& state, std::string_view session_id);
std::optional<v1::CopyEvent> release_copy(const v1::CopyState& state, std::string_view session_id, std::string_view head);

}  // namespace dossier::events
