// The resources, a file each. Each adds its rows to the one route table; routes.cpp has their order.
#pragma once

#include <vector>

#include "api/route.hpp"

namespace dossier::api {

void add_auth_routes(std::vector<Route>& routes);
void add_workspace_routes(std::vector<Route>& routes);
void add_project_routes(std::vector<Route>& routes);
void add_agent_routes(std::vector<Route>& routes);
void add_issue_routes(std::vector<Route>& routes);
void add_comment_routes(std::vector<Route>& routes);
void add_timeline_routes(std::vector<Route>& routes);
void add_session_routes(std::vector<Route>& routes);
void add_approval_routes(std::vector<Route>& routes);
void add_policy_routes(std::vector<Route>& routes);
void add_project_secret_routes(std::vector<Route>& routes);
void add_follow_up_routes(std::vector<Route>& routes);  // by add_session_routes: before the session is stopped
void add_activity_routes(std::vector<Route>& routes);
void add_task_routes(std::vector<Route>& routes);
void add_worker_routes(std::vector<Route>& routes);
void add_gateway_routes(std::vector<Route>& routes);
void add_worker_token_routes(std::vector<Route>& routes);
void add_blob_routes(std::vector<Route>& routes);
void add_commit_routes(std::vector<Route>& routes);
void add_event_routes(std::vector<Route>& routes);
void add_health_routes(std::vector<Route>& routes);
void add_openapi_routes(std::vector<Route>& routes);

// The route table.
const std::vector<Route>& routes();

}  // namespace dossier::api
