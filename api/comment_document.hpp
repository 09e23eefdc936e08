// A comment as JSON, shared by the document and the comments' own resource.
#pragma once

#include <string>

#include "api/route.hpp"

namespace dossier::api::comments {

const Schema& document_schema();
// Of a row (head_json, body_json, edited, removed, seq, …).
std::string row_json(const postgres::Row& row);

}  // namespace dossier::api::comments
