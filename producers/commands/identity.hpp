// Commands of the domain "identity": the first admin, sign-in sessions, and the steps that make a workspace.
//
// A workspace is made in three steps over two domains, each with a commit id derived from the workspace's id, so that any
// process may take the next one: reserve the slug (identity) → create (workspace) → confirm the slug (identity).
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "producers/command.hpp"

namespace dossier::producers::commands {

struct BootstrapAdmin {
  std::string login;         // checked by events::check_login
  std::string login_stream;  // events::login_stream(login, server's name key)
  std::string display_name;
  SecretId password_secret;  // of the row that holds the argon2id hash, written before
  std::string workspace_slug;
  std::string workspace_name;
};
// In the identity domain; once for a server (already_exists). Makes user derive_id<UserId>(commit) and reserves the slug for
// workspace derive_id<WorkspaceId>(commit).
Decide bootstrap_admin(BootstrapAdmin command);

struct ReserveWorkspace {
  std::string slug;
  std::string name;
};
// In the identity domain; the acting user becomes the owner. Makes workspace derive_id<WorkspaceId>(commit).
Decide reserve_workspace(ReserveWorkspace command);
// In the new workspace's domain: WorkspaceCreated and its owner as a member.
Decide create_workspace(v1::WorkspaceCreated workspace);
// In the identity domain.
Decide confirm_workspace(v1::WorkspaceCreated workspace);
// The contexts of the two later steps, the same in every process.
CommandContext create_workspace_context(const v1::WorkspaceCreated& workspace);
CommandContext confirm_workspace_context(const v1::WorkspaceCreated& workspace);

struct OpenAuthSession {
  UserId user;
  SecretId token_secret;  // of the row that holds the token's SHA-256, written before
  std::string token_prefix;
  std::int64_t expires_at_us = 0;
};
Decide open_auth_session(OpenAuthSession command);
Decide revoke_auth_session(UserId user, SecretId token_secret);

// In the domain whose event would name the secret: no commit that names it is accepted any more. Nothing the second time.
Decide discard_secret(SecretId secret);

}  // namespace dossier::producers::commands
