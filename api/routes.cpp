// The one route table.
#include "api/resources.hpp"

namespace dossier::api {

const std::vector<Route>& routes() {
  static const std::vector<Route> table = [] {
    std::vector<Route> rows;
    add_auth_routes(rows);
    add_workspace_routes(rows);
    add_project_routes(rows);
    add_agent_routes(rows);
    add_issue_routes(rows);
    add_comment_routes(rows);
    add_timeline_routes(rows);
    add_session_routes(rows);
    add_approval_routes(rows);
    add_policy_routes(rows);
    add_project_secret_routes(rows);
    add_activity_routes(rows);
    add_task_routes(rows);
    add_worker_routes(rows);
    add_gateway_routes(rows);
    add_worker_token_routes(rows);
    add_blob_routes(rows);
    add_commit_routes(rows);
    add_event_routes(rows);
    add_health_routes(rows);
    add_openapi_routes(rows);
    return rows;
  }();
  return table;
}

}  // namespace dossier::api
