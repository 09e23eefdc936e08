// Bodies in, facts out.
#include "api/body.hpp"

#include "events/json.hpp"

namespace dossier::api {

Result<json::Value> parse_body(const http::Request& request, bool may_be_empty) {
  if (request.body.empty()) {
    if (may_be_empty) return json::Value(json::Value::Object{});
    return make_error(Code::malformed_json, "the request needs a JSON body");
  }
  const std::string* type = request.header("content-type");
  const bool is_json = type == nullptr || type->starts_with("application/json") || type->starts_with("application/x-www-form-urlencoded");
  // curl's -d says x-www-form-urlencoded whatever it sends; the body must be JSON all the same.
  if (!is_json) return make_error(Code::unsupported_media_type, "send application/json", "Content-Type");
  return json::parse(request.body);
}

std::vector<Fact> facts_of(const producers::AcceptedCommit& commit) {
  std::vector<Fact> facts;
  for (int i = 0; i < commit.commit.events_size(); ++i) {
    Fact fact;
    fact.event = &commit.commit.events(i);
    const auto n = static_cast<std::size_t>(i);
    fact.version = n < commit.versions.size() ? commit.versions[n] : 0;
    if (fact.payload.ParseFromString(fact.event->payload())) facts.push_back(std::move(fact));
  }
  return facts;
}

std::string text_json(const v1::Text& text) {
  if (text.form_case() == v1::Text::kSealed) return "null";
  std::string out;
  json::append_string(out, text.plain());
  return out;
}

std::string time_json(std::int64_t time_us) { return time_us == 0 ? "null" : "\"" + events::time_text(time_us) + "\""; }

}  // namespace dossier::api
