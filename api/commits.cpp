// /v1/workspaces/{ws}/commits/{id}: what became of a command whose answer was 202 or 503.
#include "api/commit_document.hpp"
#include "api/json_object.hpp"
#include "api/resources.hpp"

namespace dossier::api::commits {
namespace {

constexpr std::string_view kSql = R"(
SELECT value, seq, time_us FROM dossier.journal
WHERE workspace = $1 AND commit_id = $2 AND verdict = 1 AND seq <= COALESCE((SELECT h.seq FROM heads h WHERE h.workspace = $1), 0)
ORDER BY seq LIMIT 1)";

const Schema& commit_schema() {
  static const Schema schema{"Commit",
                             {{"commit_id", FieldType::string, true, "cmm_…"},
                              {"status", FieldType::string, true,
                               "accepted; or open: no record has settled it. Send the request again under its Idempotency-Key to settle it."},
                              {"seq", FieldType::integer, true, {}, {}, true},
                              {"commit", FieldType::object, true, "time, actor and events, once accepted", {}, true}}};
  return schema;
}

Result<std::vector<postgres::Statement>> plan(const Call& call) {
  TRY(const CommitId id, CommitId::parse(call.path_value("id"), "id"));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kSql;
  statements[0].params.text(call.path_value("ws")).text(id.str());
  return statements;
}

Result<Reply> render(const Call& call, std::span<const postgres::ResultSet> rows) {
  JsonObject json;
  json.text("commit_id", call.path_value("id"));
  if (rows[0].empty()) {
    json.text("status", "open").raw("seq", "null").raw("commit", "null");
  } else {
    const postgres::Row row = rows[0].front();
    const auto commit = commit_of(row.bytes(0));
    if (!commit) return make_error(Code::corrupt, "the journal's record of this commit can't be read");
    json.text("status", "accepted").number("seq", row.int64(1)).raw("commit", commit_json(*commit, row.uint64(1), row.int64(2)));
  }
  Reply reply;
  reply.body = std::move(json).finish();
  return reply;
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/commits/{id}",
                    .operation = "getCommit",
                    .summary = "What became of a command",
                    .scope = Scope::workspace,
                    .response = &commit_schema(),
                    .answer = Read{plan, render}});
}

}  // namespace dossier::api::commits
