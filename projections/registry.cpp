// The list of read models.
#include "projections/read_models.hpp"

namespace dossier::projections {

const std::vector<Projection>& registry() {
  static const std::vector<Projection> models = {
      identity_model(), workspaces_model(), members_model(),  worker_tokens_model(),   projects_model(), agents_model(),
      issues_model(),   comments_model(),   sessions_model(), follow_ups_model(),      tasks_model(),    workers_model(),
      timeline_model(), approvals_model(),  policies_model(), project_secrets_model(),
  };
  return models;
}

}  // namespace dossier::projections
