// Decisions on a workspace.
#include "producers/commands/workspace.hpp"

#include "events/names.hpp"
#include "events/project.hpp"
#include "events/worker.hpp"
#include "events/workspace.hpp"
#include "producers/commands/decision_builder.hpp"

namespace dossier::producers::commands {

Decide define_agent(v1::AgentProfileDefined profile) {
  return [profile = std::move(profile)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::workspace_stream(context.workspace);
    TRY(const auto workspace, decision.rely<v1::WorkspaceState>(stream));
    v1::AgentProfileDefined defined = profile;
    defined.set_agent_id(events::derive_id<AgentId>(context.commit_id).str());
    TRY(const auto event, events::define_agent(workspace, std::move(defined)));
    if (event.has_value()) decision.add(stream, {}, *event);
    return decision.finish();
  };
}

Decide issue_worker_token(SecretId secret, std::string token_prefix, std::string label) {
  return [secret = std::move(secret), token_prefix = std::move(token_prefix), label = std::move(label)](
             Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::workspace_stream(context.workspace);
    TRY(const auto workspace, decision.rely<v1::WorkspaceState>(stream));
    TRY_STATUS(expect_secret(decision, secret));
    v1::WorkerTokenIssued issued;
    issued.set_secret_id(secret.str());
    issued.set_token_prefix(token_prefix);
    issued.mutable_label()->set_plain(label);
    TRY(const auto event, events::issue_worker_token(workspace, issued));
    if (event.has_value()) decision.add(stream, {}, *event);
    return decision.finish();
  };
}

Decide revoke_worker_token(SecretId secret) {
  return [secret = std::move(secret)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::workspace_stream(context.workspace);
    TRY(const auto workspace, decision.rely<v1::WorkspaceState>(stream));
    TRY(const auto event, events::revoke_worker_token(workspace, secret.str()));
    if (event.has_value()) decision.add(stream, {}, *event);
    return decision.finish();
  };
}

Decide create_project(CreateProject command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    TRY_STATUS(events::check_source(command.source));
    if (!command.default_branch.empty()) TRY_STATUS(events::check_branch(command.default_branch, "default_branch"));
    const auto id = events::derive_id<ProjectId>(context.commit_id);
    decision.expects_new(events::project_stream(id));
    v1::ProjectEvent event;
    v1::ProjectCreated& created = *event.mutable_project_created();
    created.set_project_id(id.str());
    created.mutable_name()->set_plain(command.name);
    *created.mutable_source() = command.source;
    created.set_default_branch(command.default_branch);
    decision.add(events::project_stream(id), {}, event);
    return decision.finish();
  };
}

Decide set_project_secret(SetProjectSecret command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::project_stream(command.project);
    TRY(const auto project, decision.rely<v1::ProjectState>(stream));
    TRY_STATUS(expect_secret(decision, command.secret));
    v1::ProjectSecretSet set;
    set.set_secret_id(command.secret.str());
    set.set_kind(command.kind);
    set.set_name(command.name);
    TRY(const auto facts, events::set_project_secret(project, set));
    for (const auto& fact : facts) decision.add(stream, {}, fact);
    return decision.finish();
  };
}

Decide remove_project_secret(ProjectId project, SecretId secret) {
  return [project = std::move(project), secret = std::move(secret)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::project_stream(project);
    TRY(const auto state, decision.rely<v1::ProjectState>(stream));
    TRY(const auto fact, events::remove_project_secret(state, secret.str()));
    if (fact.has_value()) decision.add(stream, {}, *fact);
    return decision.finish();
  };
}

WorkerId worker_id_of(const WorkspaceId& workspace, std::string_view public_key) {
  return WorkerId("wkr_" + crypto::uuid8_hex(crypto::sha256("dossier.worker.v1:" + workspace.str() + ":" + std::string(public_key))));
}

Decide register_worker(v1::WorkerRegistered registered) {
  return [registered = std::move(registered)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY(const auto workspace, decision.rely<v1::WorkspaceState>(events::workspace_stream(context.workspace)));
    if (!events::worker_token_is_live(workspace, registered.token_secret_id()))
      return make_error(Code::unauthenticated, "this worker token was revoked: issue a new one");
    v1::WorkerEvent event;
    v1::WorkerRegistered& fact = *event.mutable_worker_registered();
    fact = registered;
    fact.set_worker_id(worker_id_of(context.workspace, registered.public_key()).str());
    fact.set_pool(context.workspace.str());
    const std::string stream = events::worker_stream(WorkerId(fact.worker_id()));
    TRY(const auto worker, decision.rely<v1::WorkerState>(stream));
    (void)worker;  // a worker that comes back registers anew: its capabilities and token are those of this start
    decision.add(stream, {}, event);
    return decision.finish();
  };
}

}  // namespace dossier::producers::commands
