// The list of read models.
#include "projections/read_models.hpp"

namespace dossier::projections {

const std::vector<Projection>& registry() {
  static const std::vector<Projection> models = {
      identity::model(), workspaces::model(), members::model(),  worker_tokens::model(),   projects::model(), agents::model(),
      issues::model(),   comments::model(),   sessions::model(), follow_ups::model(),      tasks::model(),    workers::model(),
      timeline::model(), approvals::model(),  policies::model(), project_secrets::model(),
  };
  return models;
}

}  // namespace dossier::projections
