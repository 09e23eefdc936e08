// From folded states to SessionResume.
#include "producers/session_resume.hpp"

#include <algorithm>

namespace dossier::producers {
namespace {

// The present turn's. A first turn into which people steered was told the task's prompt before.
void add_inputs(v1::SessionResume& resume, const v1::SessionState& own, const v1::TaskSpec& spec) {
  if (own.inputs().empty()) return;
  if (std::all_of(own.inputs().begin(), own.inputs().end(), [](const v1::FollowUpState& input) { return input.steer(); })) {
    v1::TurnInput& prompt = *resume.add_inputs();
    prompt.set_comment_id(spec.trigger_comment_id());
    *prompt.mutable_body() = spec.prompt();
  }
  for (const v1::FollowUpState& input : own.inputs()) *resume.add_inputs() = turn_input(input);
}

}  // namespace

v1::TurnInput turn_input(const v1::FollowUpState& follow_up) {
  v1::TurnInput input;
  input.set_follow_up_id(follow_up.follow_up_id());
  input.set_comment_id(follow_up.comment_id());
  *input.mutable_body() = follow_up.body();
  return input;
}

std::optional<v1::SessionResume> session_resume(const v1::SessionState& own, const v1::SessionState* before, const v1::TaskSpec& spec) {
  const bool began = own.status() == v1::SessionState::STARTED;
  const bool continues = before != nullptr && !before->worker_id().empty();
  if (!began && !continues) return std::nullopt;
  const v1::SessionState& knows = began && (!own.provider_session().empty() || !continues) ? own : *before;
  v1::SessionResume resume;
  resume.set_provider_session(knows.provider_session());
  resume.set_worker_id(knows.worker_id());
  resume.set_turns(own.turns());
  add_inputs(resume, own, spec);
  for (const v1::ApprovalState& approval : own.approvals()) {
    v1::PendingApproval& pending = *resume.add_approvals();
    *pending.mutable_request() = approval.request();
    if (approval.has_resolved()) *pending.mutable_resolved() = approval.resolved();
  }
  return resume;
}

}  // namespace dossier::producers
