// A follow-up as JSON, shared by the session's document and the follow-ups' own resource.
#pragma once

#include <string>
#include <string_view>

#include "api/route.hpp"

namespace dossier::api::follow_ups {

// Columns of a query over `follow_ups AS f JOIN sessions AS s`, as row_json() takes them; (first_seq, first_index) follow.
inline constexpr std::string_view kColumns = R"(
  f.head_json, COALESCE(f.body_json, 'null'),
  CASE WHEN f.status = 'waiting' AND s.status = 'ended' THEN 'not_delivered' ELSE COALESCE(f.status, 'waiting') END,
  COALESCE(f.steer_requested, false), f.turn, COALESCE(f.steered, false), COALESCE(f.delivered_us, 0), COALESCE(f.seq, 0),
  f.first_seq, f.first_index
FROM follow_ups AS f JOIN sessions AS s ON s.id = f.session_id AND s.workspace = f.workspace)";

const Schema& document_schema();
std::string row_json(const postgres::Row& row);

}  // namespace dossier::api::follow_ups
