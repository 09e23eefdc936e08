// Decisions of the domain "identity".
#include "producers/commands/identity.hpp"

#include "events/identity.hpp"
#include "events/names.hpp"
#include "producers/commands/decision_builder.hpp"

namespace dossier::producers::commands {
namespace {

// Reserves a slug for a workspace that is to be created.
Status reserve_slug(DecisionBuilder& decision, const v1::WorkspaceCreated& workspace) {
  const std::string stream = events::slug_stream(workspace.slug());
  TRY(const auto slug, decision.rely<v1::NameState>(stream));
  TRY(auto reserved, events::reserve_name(slug, workspace.workspace_id(), "slug"));
  if (reserved.has_value()) {
    *reserved->mutable_name_reserved()->mutable_workspace() = workspace;
    decision.add(stream, {}, *reserved);
  }
  return {};
}

v1::WorkspaceCreated workspace_of(const CommandContext& context, const std::string& slug, const std::string& name, const std::string& owner,
                                  v1::WorkspaceCreated::Kind kind) {
  v1::WorkspaceCreated workspace;
  workspace.set_workspace_id(events::derive_id<WorkspaceId>(context.commit_id).str());
  workspace.set_kind(kind);
  workspace.set_slug(slug);
  workspace.mutable_name()->set_plain(name);
  workspace.set_owner_id(owner);
  return workspace;
}

CommandContext process_context(const WorkspaceId& domain, const v1::WorkspaceCreated& workspace, std::string_view step) {
  CommandContext context;
  context.workspace = domain;
  context.commit_id = events::derive_commit_id(domain, "process", step, workspace.workspace_id());
  context.actor.set_kind(v1::Actor::USER);
  context.actor.set_id(workspace.owner_id());
  context.fingerprint = std::string(crypto::view(crypto::sha256(workspace.SerializeAsString())));
  context.causation_id = workspace.workspace_id();
  return context;
}

}  // namespace

Decide bootstrap_admin(BootstrapAdmin command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY(const auto admin, decision.rely<v1::NameState>(std::string(events::kServerAdminStream)));
    if (!admin.owner().empty()) return make_error(Code::already_exists, "this server has its admin: sign in instead");
    TRY_STATUS(expect_secret(decision, command.password_secret));
    TRY(const auto login, decision.rely<v1::NameState>(command.login_stream));
    const auto user = events::derive_id<UserId>(context.commit_id);
    TRY(const auto reserved, events::reserve_name(login, user.str(), "login"));

    v1::IdentityEvent event;
    event.mutable_admin_bootstrapped()->set_user_id(user.str());
    decision.add(std::string(events::kServerAdminStream), {}, event);
    if (reserved.has_value()) decision.add(command.login_stream, {}, *reserved);
    event.mutable_name_confirmed()->set_owner(user.str());
    decision.add(command.login_stream, {}, event);

    const std::string stream = events::user_stream(user);
    decision.expects_new(stream);
    v1::UserRegistered& registered = *event.mutable_user_registered();
    registered.set_user_id(user.str());
    registered.mutable_login()->set_plain(command.login);
    registered.mutable_display_name()->set_plain(command.display_name);
    registered.set_password_secret_id(command.password_secret.str());
    registered.set_admin(true);
    decision.add(stream, {}, event);

    TRY_STATUS(
        reserve_slug(decision, workspace_of(context, command.workspace_slug, command.workspace_name, user.str(), v1::WorkspaceCreated::PERSONAL)));
    return decision.finish();
  };
}

Decide reserve_workspace(ReserveWorkspace command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY(const auto user, decision.load<v1::UserState>(events::user_stream(UserId(context.actor.id()))));
    if (user.version == 0) return make_error(Code::unauthenticated, "no such user");
    TRY_STATUS(reserve_slug(decision, workspace_of(context, command.slug, command.name, context.actor.id(), v1::WorkspaceCreated::TEAM)));
    return decision.finish();
  };
}

Decide create_workspace(v1::WorkspaceCreated workspace) {
  return [workspace = std::move(workspace)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::workspace_stream(context.workspace);
    TRY(const auto state, decision.rely<v1::WorkspaceState>(stream));
    if (!state.workspace_id().empty()) return decision.finish();
    v1::WorkspaceEvent created;
    *created.mutable_workspace_created() = workspace;
    decision.add(stream, {}, created);
    const std::string members = events::members_stream(context.workspace);
    decision.expects_new(members);
    v1::MembersEvent owner;
    owner.mutable_member_added()->set_user_id(workspace.owner_id());
    owner.mutable_member_added()->set_role(v1::OWNER);
    decision.add(members, {}, owner);
    return decision.finish();
  };
}

Decide confirm_workspace(v1::WorkspaceCreated workspace) {
  return [workspace = std::move(workspace)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::slug_stream(workspace.slug());
    TRY(const auto slug, decision.rely<v1::NameState>(stream));
    TRY(const auto confirmed, events::confirm_name(slug, workspace.workspace_id()));
    if (confirmed.has_value()) decision.add(stream, {}, *confirmed);
    return decision.finish();
  };
}

CommandContext create_workspace_context(const v1::WorkspaceCreated& workspace) {
  return process_context(WorkspaceId(workspace.workspace_id()), workspace, "create_workspace");
}

CommandContext confirm_workspace_context(const v1::WorkspaceCreated& workspace) {
  return process_context(identity_domain(), workspace, "confirm_workspace");
}

Decide open_auth_session(OpenAuthSession command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::user_stream(command.user);
    TRY(const auto user, decision.rely<v1::UserState>(stream));
    TRY_STATUS(expect_secret(decision, command.token_secret));
    v1::AuthSessionOpened session;
    session.set_secret_id(command.token_secret.str());
    session.set_token_prefix(command.token_prefix);
    session.set_expires_at_us(command.expires_at_us);
    TRY(const auto events, events::open_auth_session(user, session));
    for (const auto& event : events) decision.add(stream, {}, event);
    return decision.finish();
  };
}

Decide revoke_auth_session(UserId user_id, SecretId token_secret) {
  return
      [user_id = std::move(user_id), token_secret = std::move(token_secret)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
        DecisionBuilder decision(snapshot, context);
        const std::string stream = events::user_stream(user_id);
        TRY(const auto user, decision.rely<v1::UserState>(stream));
        if (const auto revoked = events::revoke_auth_session(user, token_secret.str())) decision.add(stream, {}, *revoked);
        return decision.finish();
      };
}

Decide discard_secret(SecretId secret) {
  return [secret = std::move(secret)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::secret_stream(secret);
    TRY(const auto discarded, decision.load<v1::NameState>(stream));
    if (discarded.version > 0) return decision.finish();
    decision.expects_new(stream);
    v1::IdentityEvent event;
    event.mutable_secret_discarded()->set_secret_id(secret.str());
    decision.add(stream, {}, event);
    return decision.finish();
  };
}

}  // namespace dossier::producers::commands
