// /v1/workspaces/{ws}/events: every accepted commit of the workspace as it becomes visible, in the order of seq.
#include "api/access.hpp"
#include "api/commit_cursor.hpp"
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
SELECT value, seq, time_us FROM dossier.journal
WHERE workspace = $1 AND verdict = 1 AND seq > $2 AND seq <= COALESCE((SELECT h.seq FROM heads h WHERE h.workspace = $1), 0)
ORDER BY seq LIMIT $3)";
constexpr std::string_view kAtSql = R"(
SELECT value FROM dossier.journal WHERE workspace = $1 AND verdict = 1 AND seq = $2 LIMIT 1)";

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
  CommitStream(CallPtr call, crypto::Hash token, std::uint64_t after_seq, std::int32_t partition)
      : RowStream(std::move(call), token, kPollMs), cursor_(after_seq), partition_(partition) {}

  void subscribe(std::function<void()> wake) override {
    subscription_ = call().environment->changes.on_commits(partition_, std::move(wake));
  }

 protected:
  postgres::Statement behind() const override {
    postgres::Statement statement;
    statement.sql = kBehindSql;
    statement.params.text(call().path_value("ws")).int8(static_cast<std::int64_t>(cursor_.seq())).int8(kBatch);
    return statement;
  }
  Result<std::string> take(const postgres::ResultSet& rows, std::size_t max_bytes) override {
    std::string out;
    for (const postgres::Row row : rows) {
      TRY(const std::string message, cursor_.message(row.bytes(0), row.uint64(1), row.int64(2)));
      out += message;
      if (out.size() >= max_bytes) break;
    }
    return out;
  }

 private:
  CommitCursor cursor_;
  std::int32_t partition_;
  ChangeHub::Subscription subscription_;
};

// Where a stream starts: behind Last-Event-ID, or the present end, or `after`.
Result<std::uint64_t> starting_seq(const Call& call) {
  const std::string* last = call.request.header("last-event-id");
  if (last == nullptr) last = call.request.parameter("last_event_id");
  if (last == nullptr) return call.access.seq;
  TRY(const CommitPlace place, parse_commit_place(*last));
  if (!must_exist(place, call.access.seq)) return start_at(place, std::nullopt);
  TRY(const auto rows, call.environment->database.read_one(
                           kAtSql, postgres::Params().text(call.path_value("ws")).int8(static_cast<std::int64_t>(place.seq))));
  if (rows.empty()) return make_error(Code::corrupt, "the journal has no commit " + std::to_string(place.seq));
  return start_at(place, rows.front().bytes(0));
}

void stream(CallPtr call, http::Responder responder) {
  const auto token = bearer_token(call->request);
  if (!token) return responder(problem(token.error()));
  const auto seq = starting_seq(*call);
  if (!seq) return responder(problem(seq.error()));
  const std::int32_t partition = events::partition_of(call->access.workspace, call->environment->partitions);
  const std::string now = std::to_string(call->access.seq);
  http::Response response = sse_response(std::make_shared<CommitStream>(std::move(call), *token, *seq, partition));
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
