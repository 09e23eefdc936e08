// The first admin of a server.
#pragma once

#include <vector>

#include "api/route.hpp"

namespace dossier::api {

void add_bootstrap_route(std::vector<Route>& routes);

}  // namespace dossier::api
