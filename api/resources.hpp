// The resources, a file and a namespace each. Each adds its rows to the one route table; routes.cpp has their order.
#pragma once

#include <vector>

#include "api/route.hpp"

namespace dossier::api {

namespace auth {
void add_routes(std::vector<Route>& routes);
}
namespace workspaces {
void add_routes(std::vector<Route>& routes);
}
namespace projects {
void add_routes(std::vector<Route>& routes);
}
namespace agents {
void add_routes(std::vector<Route>& routes);
}
namespace issues {
void add_routes(std::vector<Route>& routes);
}
namespace comments {
void add_routes(std::vector<Route>& routes);
}
namespace timeline {
void add_routes(std::vector<Route>& routes);
}
namespace sessions {
void add_routes(std::vector<Route>& routes);
}
namespace approvals {
void add_routes(std::vector<Route>& routes);
}
namespace policies {
void add_routes(std::vector<Route>& routes);
}
namespace project_secrets {
void add_routes(std::vector<Route>& routes);
}
namespace follow_ups {
void add_routes(std::vector<Route>& routes);  // by those of sessions: before the session is stopped
}
namespace activity {
void add_routes(std::vector<Route>& routes);
}
namespace tasks {
void add_routes(std::vector<Route>& routes);
}
namespace workers {
void add_routes(std::vector<Route>& routes);
}
namespace gateway {
void add_routes(std::vector<Route>& routes);
}
namespace worker_tokens {
void add_routes(std::vector<Route>& routes);
}
namespace blobs {
void add_routes(std::vector<Route>& routes);
}
namespace commits {
void add_routes(std::vector<Route>& routes);
}
namespace event_stream {
void add_routes(std::vector<Route>& routes);
}
namespace health {
void add_routes(std::vector<Route>& routes);
}
namespace openapi {
void add_routes(std::vector<Route>& routes);
}

// The route table.
const std::vector<Route>& routes();

}  // namespace dossier::api
