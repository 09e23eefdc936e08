// The body of a request as JSON.
#pragma once

#include "api/route.hpp"

namespace dossier::api {

// An absent body is an empty object where `may_be_empty`. malformed_json; unsupported_media_type: a Content-Type that is
// not JSON.
Result<json::Value> parse_body(const http::Request& request, bool may_be_empty = false);

// The facts of an accepted commit, decoded, in order.
struct Fact {
  const v1::Event* event;
  v1::EventPayload payload;
  std::uint64_t version;  // of its stream; 0: not known here
};
std::vector<Fact> facts_of(const producers::AcceptedCommit& commit);
// A Text as JSON: null where it is sealed.
std::string text_json(const v1::Text& text);
// "2026-…Z" in quotes; null for 0.
std::string time_json(std::int64_t time_us);

}  // namespace dossier::api
