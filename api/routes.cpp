// The one route table.
#include "api/resources.hpp"

namespace dossier::api {

const std::vector<Route>& routes() {
  static const std::vector<Route> table = [] {
    std::vector<Route> rows;
    auth::add_routes(rows);
    workspaces::add_routes(rows);
    projects::add_routes(rows);
    agents::add_routes(rows);
    issues::add_routes(rows);
    comments::add_routes(rows);
    timeline::add_routes(rows);
    sessions::add_routes(rows);
    approvals::add_routes(rows);
    policies::add_routes(rows);
    project_secrets::add_routes(rows);
    activity::add_routes(rows);
    tasks::add_routes(rows);
    workers::add_routes(rows);
    gateway::add_routes(rows);
    worker_tokens::add_routes(rows);
    blobs::add_routes(rows);
    commits::add_routes(rows);
    event_stream::add_routes(rows);
    health::add_routes(rows);
    openapi::add_routes(rows);
    return rows;
  }();
  return table;
}

}  // namespace dossier::api
