// A request's body: parsed, read by the strict reader, written and parsed again.
#include "api/body.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "tests/fuzz/targets.hpp"

namespace dossier::fuzz {
namespace {

// As the resources read their bodies: every kind of getter, then the refusal of what nobody asked for.
void read_fields(const json::Value& body) {
  json::ObjectReader reader(body);
  const std::string title = reader.required_string("title", 100);
  CHECK(title.size() <= 100 && title.find('\0') == std::string::npos && is_utf8(title));
  (void)reader.optional_string("body", 1'000);
  (void)reader.optional_bool("done");
  if (const auto number = reader.optional_integer("count", -5, 5)) CHECK(*number >= -5 && *number <= 5);
  if (const auto list = reader.optional_strings("labels", 3, 10)) CHECK(list->size() <= 3);
  (void)reader.optional_value("any");
  if (const Status status = reader.finish(); !status) CHECK(!status.error().message.empty());
}

}  // namespace

void run_json_body(std::string_view bytes) {
  api::http::Request request;
  request.body = std::string(bytes);
  const auto body = api::parse_body(request, true);
  if (!body) {
    CHECK(!body.error().message.empty());
    return;
  }
  read_fields(*body);
  const std::string written = json::write(*body);
  const auto again = json::parse(written);
  CHECK(again.has_value());
  CHECK(json::write(*again) == written);
}

}  // namespace dossier::fuzz
