// Reading and composing, as every decision does it.
#include "producers/commands/decision_builder.hpp"

#include "events/names.hpp"
#include "events/workspace.hpp"

namespace dossier::producers::commands {

Result<StreamState> DecisionBuilder::read(const std::string& stream) {
  TRY(StreamState row, snapshot_.stream(context_.workspace, stream));
  if (row.needs_newer_code) return make_error(Code::upgrade_required, stream + " holds facts of a newer version of dossier: upgrade this server");
  return row;
}

Error DecisionBuilder::unreadable(const std::string& stream) {
  return make_error(Code::corrupt, "the folded state of " + stream + " can't be read: rebuild the read models (dossier admin rebuild)");
}

Decision DecisionBuilder::finish() {
  if (decision_.events.empty()) return {};
  for (const auto& [stream, version] : expects_) {
    v1::Expect& expect = decision_.expects.emplace_back();
    expect.set_stream(stream);
    expect.set_version(version);
  }
  return std::move(decision_);
}

Status expect_secret(DecisionBuilder& decision, const SecretId& secret) {
  const std::string stream = events::secret_stream(secret);
  TRY(const auto discarded, decision.load<v1::NameState>(stream));
  if (discarded.version > 0)
    return make_error(Code::conflict, "this request was open for so long that its secret was given up: send it anew, with a new Idempotency-Key");
  decision.expects_new(stream);
  return {};
}

Status require_member(DecisionBuilder& decision, v1::Role least) {
  TRY(const auto members, decision.rely<v1::MembersState>(events::members_stream(decision.workspace())));
  return events::require_role(members, decision.context().actor.id(), least);
}

}  // namespace dossier::producers::commands
