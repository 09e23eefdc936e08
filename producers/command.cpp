// From a decision to the commit that is appended; from an accepted commit to the answer of a repeat.
#include "producers/command.hpp"

#include <utility>

namespace dossier::producers {

v1::Commit commit_of(const CommandContext& context, Decision decision) {
  v1::Commit commit;
  commit.set_commit_id(context.commit_id.str());
  commit.set_workspace_id(context.workspace.str());
  for (auto& expect : decision.expects) *commit.add_expects() = std::move(expect);
  for (auto& event : decision.events) *commit.add_events() = std::move(event);
  *commit.mutable_actor() = context.actor;
  commit.set_request_fingerprint(context.fingerprint);
  commit.set_causation_id(context.causation_id);
  commit.set_correlation_id(context.correlation_id);
  commit.set_occurred_at_us(context.occurred_at_us);
  commit.set_recorded_at_us(context.now_us);
  commit.set_traceparent(context.traceparent);
  return commit;
}

Result<Committed> answer_as_first(AcceptedCommit first, const CommandContext& context) {
  if (first.commit.request_fingerprint() != context.fingerprint)
    return make_error(Code::idempotency_key_reused, "this Idempotency-Key was used for another request; take a new key");
  return Committed{std::move(first), true};
}

}  // namespace dossier::producers
