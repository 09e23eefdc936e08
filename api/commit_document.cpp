// Commits for clients.
#include "api/commit_document.hpp"

#include <map>

#include "api/json_object.hpp"
#include "dossier/v1/payload.pb.h"
#include "events/codec.hpp"
#include "events/json.hpp"

namespace dossier::api {
namespace {

std::string event_json(const v1::Event& event, int index, std::uint64_t version) {
  v1::EventPayload payload;
  const bool known = payload.ParseFromString(event.payload()) && events::is_known(payload);
  std::string data;
  events::append_data_json(data, payload);
  JsonObject json;
  json.number("index", index).text("stream", event.stream());
  if (version > 0) json.number("version", static_cast<std::int64_t>(version));
  if (!event.issue_id().empty()) json.text("issue_id", event.issue_id());
  json.text("type", known ? events::fact_name(payload) : "unknown");
  json.raw("data", known ? std::string_view(data) : "{}");
  return std::move(json).finish();
}

}  // namespace

std::optional<v1::Commit> commit_of(std::string_view record) {
  v1::Record decoded;
  if (!decoded.ParseFromArray(record.data(), static_cast<int>(record.size())) || !decoded.has_commit()) return std::nullopt;
  return std::move(*decoded.mutable_commit());
}

std::string commit_json(const v1::Commit& commit, std::uint64_t seq, std::int64_t time_us) {
  std::map<std::string_view, std::uint64_t> versions;
  for (const v1::Expect& expect : commit.expects()) versions[expect.stream()] = expect.version();
  std::vector<std::string> items;
  for (int i = 0; i < commit.events_size(); ++i) {
    const auto expected = versions.find(commit.events(i).stream());
    items.push_back(event_json(commit.events(i), i, expected == versions.end() ? 0 : ++expected->second));
  }
  std::string actor;
  events::append_actor_json(actor, commit.actor());
  return std::move(JsonObject()
                       .number("seq", static_cast<std::int64_t>(seq))
                       .text("commit_id", commit.commit_id())
                       .text("time", events::time_text(time_us))
                       .raw("actor", actor)
                       .raw("events", json_array(items)))
      .finish();
}

}  // namespace dossier::api
