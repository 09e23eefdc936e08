// /v1/workspaces/{ws}/events: every accepted commit of the workspace as it becomes visible, in the order of seq.
#include "api/access.hpp"
#include "api/commit_cursor.hpp"
#include "api/commit_document.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "api/sse.hpp"
#include "events/names.hpp"

namespace dossier::api::event_stream {
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

const Schema& event_schema() {
  static const Schema schema{"CommitEvent",
                             {{"seq", FieldType::integer, true, {}},
                              {"commit_id", FieldType::string, true, {}},
                              {"time", FieldType::string, true, "RFC 3339"},
                              {"actor", FieldType::object, true, {}},
                              {"events", FieldType::array, true, {}}}};
  return schema;
}

class CommitStream final : public RowStream {
 public:
  // After the place, in the history that is present as the stream begins.
  CommitStream(CallPtr call, crypto::Hash token, CommitPlace after, std::int32_t partition)
      : RowStream(std::move(call), token, kPollMs), history_(after.history), cursor_(after.seq), partition_(partition) {}

  void subscribe(std::function<void()> wake) override { subscription_ = call().environment->changes.on_commits(partition_, std::move(wake)); }

 protected:
  postgres::Statement behind() const override {
    postgres::Statement statement;
    statement.sql = kBehindSql;
    statement.params.text(call().path_value("ws")).int8(static_cast<std::int64_t>(cursor_.seq())).int8(kBatch).int8(partition_);
    return statement;
  }
  Result<std::string> take(const postgres::ResultSet& rows, std::size_t max_bytes) override {
    std::string out;
    for (const postgres::Row row : rows) {
      if (row.uint64(3) != history_) return history_repaired();  // the client's place may not be part of the new one
      TRY(const std::string message, cursor_.message(row.bytes(0), row.uint64(1), row.int64(2)));
      out += message;
      if (out.size() >= max_bytes) break;
    }
    return out;
  }

 private:
  const std::uint64_t history_;
  CommitCursor cursor_;
  std::int32_t partition_;
  ChangeHub::Subscription subscription_;
};

// Where a stream starts, in the present history: behind Last-Event-ID, or at the end.
Result<CommitPlace> starting_place(const Call& call, std::int32_t partition) {
  const std::string* last = call.request.header("last-event-id");
  if (last == nullptr) last = call.request.parameter("last_event_id");
  std::optional<CommitPlace> place;
  if (last != nullptr) {
    TRY(place, parse_commit_place(*last));
  }
  postgres::Params params;
  params.text(call.path_value("ws")).int8(place ? static_cast<std::int64_t>(place->seq) : 0).int8(partition);
  TRY(const auto rows, call.environment->database.read_one(kStartSql, params));
  const postgres::Row row = rows.front();
  const std::uint64_t history = row.uint64(0), end = row.uint64(1);
  if (!place) return CommitPlace{history, end};
  std::optional<std::string_view> record;
  if (must_exist(*place, end)) {
    if (row.is_null(2)) return make_error(Code::corrupt, "the journal has no commit " + std::to_string(place->seq));
    if (row.boolean(3)) return history_repaired();  // another commit had this place once
    record = row.bytes(2);
  } else if (place->seq > end && place->history < history) {  // ahead of this server: it waits, unless that was lost
    return history_repaired();
  }
  TRY(const std::uint64_t seq, start_at(*place, record));
  return CommitPlace{history, seq};
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

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/events",
                    .operation = "streamEvents",
                    .summary = "Server-sent events, one a commit; id is <history>-<seq>, Last-Event-ID resumes without loss or repeats "
                               "(0-0: from the first)",
                    .scope = Scope::workspace,
                    .response = &event_schema(),
                    .query = {{"last_event_id", "Instead of the header Last-Event-ID.", FieldType::string}},
                    .response_type = "text/event-stream",
                    .answer = Custom{stream}});
}

}  // namespace dossier::api::event_stream
