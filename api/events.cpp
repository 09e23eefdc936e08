// /v1/workspaces/{ws}/events: every accepted commit of the workspace as it becomes visible, in the order of seq.
#include <charconv>

#include "api/access.hpp"
#include "api/commit_document.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "api/sse.hpp"
#include "events/names.hpp"

namespace dossier::api {
namespace {

constexpr std::int64_t kBatch = 200;
constexpr std::int64_t kPollMs = 1'000;  // makes good a lost notification

// Up to what the read models show, so that a client which reads on a message never sees an older state.
constexpr std::string_view kBehindSql = R"(
SELECT value, seq, time_us, (SELECT history FROM positions WHERE partition = $4) FROM dossier.journal
WHERE workspace = $1 AND verdict = 1 AND seq > $2 AND seq <= COALESCE((SELECT h.seq FROM heads h WHERE h.workspace = $1), 0)
ORDER BY seq LIMIT $3)";
// Of one moment: the partition's history, the workspace's last seq, its commit with the seq of an id, and whether another
// commit that had this seq was lost.
constexpr std::string_view kStartSql = R"(
SELECT COALESCE((SELECT history FROM positions WHERE partition = $3), 0),
       COALESCE((SELECT seq FROM heads WHERE workspace = $1), 0),
       (SELECT value FROM dossier.journal WHERE workspace = $1 AND verdict = 1 AND seq = $2 LIMIT 1),
       EXISTS (SELECT 1 FROM dossier.lost_records WHERE workspace = $1 AND verdict = 1 AND seq = $2))";

Error repaired() {
  return make_error(Code::precondition_failed, "the log was repaired: that event is not part of its present history; read the "
                                               "workspace again, and start without Last-Event-ID", "Last-Event-ID");
}

const Schema& event_schema() {
  static const Schema schema{"CommitEvent",
                             {{"seq", FieldType::integer, true, {}},
                              {"commit_id", FieldType::string, true, {}},
                              {"time", FieldType::string, true, "RFC 3339"},
                              {"actor", FieldType::object, true, {}},
                              {"events", FieldType::array, true, {}}}};
  return schema;
}

struct Place {
  std::uint64_t history = 0;
  std::uint64_t seq = 0;
};

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > INT64_MAX) return std::nullopt;
  return number;
}

// "<history>-<seq>"
std::optional<Place> parse_place(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto history = digits(text.substr(0, dash));
  const auto seq = digits(text.substr(dash + 1));
  if (!history || !seq) return std::nullopt;
  return Place{*history, *seq};
}

class CommitStream final : public RowStream {
 public:
  CommitStream(CallPtr call, crypto::Hash token, Place after, std::int32_t partition)
      : RowStream(std::move(call), token, kPollMs), history_(after.history), seq_(after.seq), partition_(partition) {}

  void subscribe(std::function<void()> wake) override {
    subscription_ = call().environment->changes.on_commits(partition_, std::move(wake));
  }

 protected:
  postgres::Statement behind() const override {
    postgres::Statement statement;
    statement.sql = kBehindSql;
    statement.params.text(call().path_value("ws")).int8(static_cast<std::int64_t>(seq_)).int8(kBatch).int8(partition_);
    return statement;
  }
  Result<std::string> take(const postgres::ResultSet& rows, std::size_t max_bytes) override {
    std::string out;
    for (const postgres::Row row : rows) {
      if (row.uint64(3) != history_) return repaired();  // the client's place may not be part of the new one
      const auto commit = commit_of(row.bytes(0));
      if (!commit) return make_error(Code::corrupt, "the journal's record of seq " + std::to_string(row.int64(1)) + " can't be read");
      if (row.uint64(1) != seq_ + 1) return make_error(Code::corrupt, "the journal has a gap behind seq " + std::to_string(seq_));
      seq_ = row.uint64(1);
      out += sse_message(std::to_string(commit->history()) + "-" + std::to_string(seq_), "commit", commit_json(*commit, seq_, row.int64(2)));
      if (out.size() >= max_bytes) break;
    }
    return out;
  }

 private:
  const std::uint64_t history_;
  std::uint64_t seq_;
  std::int32_t partition_;
  ChangeHub::Subscription subscription_;
};

// Where a stream starts, in the present history: behind Last-Event-ID, or at the end.
Result<Place> starting_place(const Call& call, std::int32_t partition) {
  const std::string* last = call.request.header("last-event-id");
  if (last == nullptr) last = call.request.parameter("last_event_id");
  std::optional<Place> place;
  if (last != nullptr) {
    place = parse_place(*last);
    if (!place) return make_error(Code::invalid_field, "must be the id of a message of this stream: <history>-<seq>", "Last-Event-ID");
  }
  postgres::Params params;
  params.text(call.path_value("ws")).int8(place ? static_cast<std::int64_t>(place->seq) : 0).int8(partition);
  TRY(const auto rows, call.environment->database.read_one(kStartSql, params));
  const postgres::Row row = rows.front();
  const std::uint64_t history = row.uint64(0), end = row.uint64(1);
  if (!place) return Place{history, end};
  if (place->seq == 0) return Place{history, 0};
  if (place->seq > end) {  // ahead of this server: it waits
    if (place->history < history) return repaired();
    return Place{history, place->seq};
  }
  const auto commit = row.is_null(2) ? std::nullopt : commit_of(row.bytes(2));
  if (!commit) return make_error(Code::corrupt, "the journal has no commit " + std::to_string(place->seq));
  if (commit->history() != place->history || row.boolean(3)) return repaired();
  return Place{history, place->seq};
}

void stream(CallPtr call, http::Responder responder) {
  const auto token = bearer_token(call->request);
  if (!token) return responder(problem(token.error()));
  const std::int32_t partition = events::partition_of(call->access.workspace, call->environment->partitions);
  const auto place = starting_place(*call, partition);
  if (!place) return responder(problem(place.error()));
  const std::string now = std::to_string(call->access.seq);
  http::Response response = sse_response(std::make_shared<CommitStream>(std::move(call), *token, *place, partition));
  response.set("Dossier-Seq", now);
  responder(std::move(response));
}

}  // namespace

void add_event_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET", .path = "/v1/workspaces/{ws}/events", .operation = "streamEvents",
                    .summary = "Server-sent events, one a commit; id is <history>-<seq>, Last-Event-ID resumes without loss or repeats "
                               "(0-0: from the first)",
                    .scope = Scope::workspace, .response = &event_schema(),
                    .query = {{"last_event_id", "Instead of the header Last-Event-ID.", FieldType::string}},
                    .response_type = "text/event-stream", .answer = Custom{stream}});
}

}  // namespace dossier::api
