// Commands on issues: open, edit, comment. All in the workspace's domain, by a member.
#pragma once

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "events/issue.hpp"
#include "producers/command.hpp"

namespace dossier::producers::commands {

struct OpenIssue {
  std::string title;
  std::string body;
  std::optional<ProjectId> project;
  v1::IssueStatus status = v1::OPEN;
};
// Makes derive_id<IssueId>(commit, 0); checklist rows of the body become child issues with ordinals 1, 2, … Numbers come
// from workspace/<id>/issues, without an expectation: opening issues never conflicts.
Decide open_issue(OpenIssue command);

struct EditIssue {
  IssueId issue;
  events::IssueEdit edit;
  std::optional<ProjectId> project;
};
Decide edit_issue(EditIssue command);

struct AddComment {
  IssueId issue;
  std::string body;
};
// Makes derive_id<CommentId>(commit). Where the body mentions an enabled agent, also a session and its task in the same
// commit; it continues the issue's last session if that was the same agent's. Where a session is at work on the issue, the
// comment is a follow-up for its next turn instead, with or without a mention.
// no_worker_available: nothing alive could claim the task. working_copy_busy: it mentions another agent than the one at
// work. follow_ups_full, invalid_field: more, or longer, than that session takes. Then nothing is saved.
Decide add_comment(AddComment command);

// A worker counts as live for this long after its last report, in broker time.
inline constexpr std::int64_t kWorkerLiveUs = 20'000'000;

}  // namespace dossier::producers::commands
