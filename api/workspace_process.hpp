// Making a workspace: reserve its slug (identity), create it (its own domain), confirm the slug (identity). Each step's
// commit id derives from the workspace, so a request that is sent again, or another process, goes on where one stopped.
#pragma once

#include <functional>

#include "api/environment.hpp"
#include "api/route.hpp"
#include "producers/command_runner.hpp"

namespace dossier::api {

// The two steps behind an accepted reservation. `done` gets the commit that created the workspace.
void finish_workspace(Environment& environment, const v1::WorkspaceCreated& workspace, std::function<void(Result<producers::Committed>)> done);
// The workspace that a commit reserved a slug for; nullptr: none.
std::optional<v1::WorkspaceCreated> reserved_workspace(const producers::AcceptedCommit& commit);

const Schema& workspace_schema();
std::string new_workspace_json(const v1::WorkspaceCreated& workspace, const producers::AcceptedCommit& created);

}  // namespace dossier::api
