// Commands on a workspace: agent profiles, worker tokens, projects. All in the workspace's domain, by a member.
#pragma once

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "producers/command.hpp"

namespace dossier::producers::commands {

// By an admin of the workspace. The agent's id is derive_id<AgentId>(commit), or the one of the profile that it replaces.
Decide define_agent(v1::AgentProfileDefined profile);

// By an admin. The token's row was written before under `secret`.
Decide issue_worker_token(SecretId secret, std::string token_prefix, std::string label);
Decide revoke_worker_token(SecretId secret);

struct CreateProject {
  std::string name;
  v1::ProjectSource source;
  std::string default_branch;
};
// By an admin: the workers will fetch from the source. Makes derive_id<ProjectId>(commit).
Decide create_project(CreateProject command);

// By an admin. The sealed value's row was written before under `secret`, which is the id of what is set.
struct SetProjectSecret {
  ProjectId project;
  SecretId secret;
  v1::ProjectSecretSet::Kind kind = v1::ProjectSecretSet::KIND_UNSPECIFIED;
  std::string name;
};
Decide set_project_secret(SetProjectSecret command);
// By an admin. Nothing where it is not in force: nobody gets its value any more, and the sweeper removes its row.
Decide remove_project_secret(ProjectId project, SecretId secret);

// By a worker token (relied on: not revoked). The worker's id follows from the workspace and its public key, so that a
// worker which comes back is the same worker. `registered`: all but worker_id and pool.
WorkerId worker_id_of(const WorkspaceId& workspace, std::string_view public_key);
Decide register_worker(v1::WorkerRegistered registered);

}  // namespace dossier::producers::commands
