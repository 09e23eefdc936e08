// The OpenAPI 3.1 document of a route table.
#pragma once

#include <string>
#include <vector>

#include "api/route.hpp"

namespace dossier::api {

std::string openapi_document(const std::vector<Route>& routes);

}  // namespace dossier::api
