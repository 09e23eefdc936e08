// The OpenAPI 3.1 document of a route table.
#pragma once

#include <string>
#include <vector>

#include "api/route.hpp"

namespace dossier::api::openapi {

std::string document(const std::vector<Route>& routes);

}  // namespace dossier::api::openapi
