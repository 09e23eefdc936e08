// /v1/sessions/{id}/activity: the lines and items of a session, paged, or live as server-sent events.
#include <charconv>

#include "api/access.hpp"
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "api/sse.hpp"
#include "dossier/v1/worker.pb.h"
#include "events/json.hpp"

namespace dossier::api::activity {
namespace {

constexpr std::int64_t kDefaultItems = 200;
constexpr std::int64_t kMaxItems = 1'000;
constexpr std::int64_t kBlocks = 64;   // read at once; each holds one item or more
constexpr std::int64_t kPollMs = 250;  // another process may take the activity in

// Blocks that hold something behind (offer $2, sequence $3): from the block of that sequence on.
constexpr std::string_view kBehindSql = R"(
SELECT offer, first_sequence, body FROM dossier.activity_blocks
WHERE session_id = $1
  AND (offer, first_sequence) >= ($2, COALESCE((SELECT max(b.first_sequence) FROM dossier.activity_blocks b
                                                WHERE b.session_id = $1 AND b.offer = $2 AND b.first_sequence <= $3 + 1), 0))
ORDER BY offer, first_sequence LIMIT $4)";

const Schema& item_schema() {
  static const Schema schema{"ActivityItem",
                             {{"cursor", FieldType::string, true, "<offer>-<sequence>: give it as after"},
                              {"offer", FieldType::integer, true, "under which it was done"},
                              {"sequence", FieldType::integer, true, "counts from 1 per offer"},
                              {"time", FieldType::string, true, "RFC 3339, the worker's clock"},
                              {"type", FieldType::string, true, "log_line, agent_item, text_delta, tool_use, tool_result or token_usage"},
                              {"data", FieldType::object, true, {}}}};
  return schema;
}

struct Place {
  std::int64_t offer = 0;
  std::int64_t sequence = 0;
  std::string text() const { return std::to_string(offer) + "-" + std::to_string(sequence); }
};

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0 || number > INT64_MAX / 2) return std::nullopt;
  return number;
}

Result<Place> parse_place(const std::string* text, std::string_view field) {
  if (text == nullptr || text->empty()) return Place{};
  const std::size_t dash = text->find('-');
  const auto offer = dash == std::string::npos ? std::nullopt : digits(std::string_view(*text).substr(0, dash));
  const auto sequence = dash == std::string::npos ? std::nullopt : digits(std::string_view(*text).substr(dash + 1));
  if (!offer || !sequence) return make_error(Code::invalid_field, "must be <offer>-<sequence>, the cursor of an item", std::string(field));
  return Place{*offer, *sequence};
}

postgres::Statement blocks_behind(const Call& call, const Place& place) {
  postgres::Statement statement;
  statement.sql = kBehindSql;
  statement.params.text(call.path_value("id")).int8(place.offer).int8(place.sequence).int8(kBlocks);
  return statement;
}

struct Item {
  std::string type;
  std::string json;
};

Item item_of(const Place& place, const v1::ActivityEvent& event) {
  const auto* oneof = event.GetDescriptor()->oneof_decl(0);
  const auto* field = event.GetReflection()->GetOneofFieldDescriptor(event, oneof);
  std::string data = "{}";
  if (field != nullptr) {
    data.clear();
    events::append_json(data, event.GetReflection()->GetMessage(event, field));
  }
  Item item;
  item.type = field == nullptr ? "unknown" : field->name();
  item.json = std::move(JsonObject()
                            .text("cursor", place.text())
                            .number("offer", place.offer)
                            .number("sequence", place.sequence)
                            .raw("time", time_json(event.at_us()))
                            .text("type", item.type)
                            .raw("data", data))
                  .finish();
  return item;
}

// Calls `take` for every item behind `place`, in order, moving it, until `take` returns false. corrupt: a block that
// can't be read.
template <class Take>
Status walk(const postgres::ResultSet& rows, Place& place, Take take) {
  for (const postgres::Row row : rows) {
    v1::ActivityRecord record;
    const std::string_view body = row.bytes(2);
    if (!record.ParseFromArray(body.data(), static_cast<int>(body.size())))
      return make_error(Code::corrupt, "a block of this session's activity can't be read");
    for (int i = 0; i < record.events_size(); ++i) {
      const Place here{row.int64(0), row.int64(1) + i};
      if (here.offer < place.offer || (here.offer == place.offer && here.sequence <= place.sequence)) continue;
      if (!take(here, item_of(here, record.events(i)))) return {};
      place = here;
    }
  }
  return {};
}

Reply page_reply(const std::vector<std::string>& items, const std::string& next, std::uint64_t seq) {
  Reply reply;
  reply.body = std::move(JsonObject().raw("items", json_array(items)).text_or_null("next_cursor", next).number("seq", static_cast<std::int64_t>(seq)))
                   .finish();
  return reply;
}

void answer_page(const CallPtr& call, const http::Responder& responder) {
  auto limit = integer_parameter(*call, "limit", 1, kMaxItems);
  if (!limit) return responder(problem(limit.error()));
  auto place = parse_place(call->request.parameter("after"), "after");
  if (!place) return responder(problem(place.error()));
  const auto most = static_cast<std::size_t>(limit->value_or(kDefaultItems));
  std::vector<std::string> items;
  bool more = false;
  // Blocks may hold few items each: as many rounds as the page needs.
  for (bool is_done = false; !is_done;) {
    const postgres::Statement statement = blocks_behind(*call, *place);
    auto rows = call->environment->database.read_one(statement.sql, statement.params);
    if (!rows) return responder(problem(rows.error()));
    const std::size_t before = items.size();
    const Status walked = walk(*rows, *place, [&](const Place&, Item item) {
      if (items.size() == most) {
        more = true;
        return false;
      }
      items.push_back(std::move(item.json));
      return true;
    });
    if (!walked) return responder(problem(walked.error()));
    is_done = more || items.size() == before || rows->size() < kBlocks;
  }
  Reply reply = page_reply(items, more ? place->text() : std::string(), call->access.seq);
  http::Response response;
  response.body = std::move(reply.body);
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  response.set("Dossier-Seq", std::to_string(call->access.seq));
  responder(std::move(response));
}

class ActivityStream final : public RowStream {
 public:
  ActivityStream(CallPtr call, crypto::Hash token, Place place) : RowStream(std::move(call), token, kPollMs), place_(place) {}
  void subscribe(std::function<void()> wake) override {
    subscription_ = call().environment->changes.on_activity(call().path_value("id"), std::move(wake));
  }

 protected:
  postgres::Statement behind() const override { return blocks_behind(call(), place_); }
  Result<std::string> take(const postgres::ResultSet& rows, std::size_t max_bytes) override {
    std::string out;
    const Status walked = walk(rows, place_, [&](const Place& here, const Item& item) {
      if (out.size() >= max_bytes) return false;
      out += sse_message(here.text(), item.type, item.json);
      return true;
    });
    if (!walked) return walked.error();
    return out;
  }

 private:
  Place place_;
  ChangeHub::Subscription subscription_;
};

void run(CallPtr call, http::Responder responder) {
  const std::string* accept = call->request.header("accept");
  if (accept == nullptr || accept->find("text/event-stream") == std::string::npos) return answer_page(call, responder);
  const auto token = bearer_token(call->request);
  if (!token) return responder(problem(token.error()));
  const std::string* last = call->request.header("last-event-id");
  const auto place = last != nullptr ? parse_place(last, "Last-Event-ID") : parse_place(call->request.parameter("after"), "after");
  if (!place) return responder(problem(place.error()));
  responder(sse_response(std::make_shared<ActivityStream>(std::move(call), *token, *place)));
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}/activity",
                    .operation = "getActivity",
                    .summary = "What the agent said and did; with Accept: text/event-stream, live",
                    .scope = Scope::session,
                    .response = &item_schema(),
                    .lists = true,
                    .query = {{"after", "The cursor of an item, <offer>-<sequence>: what follows it.", FieldType::string},
                              {"limit", "Items on the page, 1 to 1000 (200).", FieldType::integer}},
                    .answer = Custom{run}});
}

}  // namespace dossier::api::activity
