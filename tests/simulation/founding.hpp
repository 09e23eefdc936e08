// Workspaces with a project, an agent and registered workers: the commits that make them, decided by the product once and
// then put at the beginning of every run's log.
#pragma once

#include <string>
#include <vector>

#include "base/ids.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::simulation {

struct WorkerIdentity {
  WorkspaceId workspace;
  WorkerId id;
  crypto::KeyPair keys;
  std::uint32_t slots = 1;
};

struct FoundedWorkspace {
  WorkspaceId id;
  std::string user;
  std::string colleague;  // a member too
  ProjectId project;
  std::vector<std::string> commits;  // record values, but for the workers'
  struct Worker {
    WorkerIdentity identity;
    std::string registration;  // record value
  };
  std::vector<Worker> workers;
};

inline constexpr int kMostWorkspaces = 2;
inline constexpr int kMostWorkersEach = 2;
// The same ones in every run. Made at the first call.
const std::vector<FoundedWorkspace>& founded_workspaces();

}  // namespace dossier::simulation
