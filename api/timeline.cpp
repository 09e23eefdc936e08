// /v1/issues/{id}/timeline
#include "api/page.hpp"
#include "api/resources.hpp"

namespace dossier::api::timeline {
namespace {

// A cursor's number is the seq, its text the index.
constexpr std::string_view kSql = R"(
SELECT doc, seq, idx FROM timeline
WHERE issue_id = $1 AND (seq, idx) > ($2, $3::bigint)
ORDER BY seq, idx LIMIT $4)";

const Schema& item_schema() {
  static const Schema schema{"TimelineItem",
                             {{"seq", FieldType::integer, true, "of the commit in its workspace"},
                              {"index", FieldType::integer, true, "of the event in the commit"},
                              {"time", FieldType::string, true, "RFC 3339"},
                              {"type", FieldType::string, true, "what happened, as in task_claimed"},
                              {"actor", FieldType::object, true, "kind and id"},
                              {"stream", FieldType::string, true, {}},
                              {"version", FieldType::integer, true, "of the stream after it"},
                              {"data", FieldType::object, true, "the fact"}}};
  return schema;
}

Result<std::vector<postgres::Statement>> plan(const Call& call) {
  TRY(const Page page, read_page(call));
  TRY(const std::int64_t index, page_index(page));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kSql;
  statements[0].params.text(call.path_value("id")).int8(page.number).int8(index).int8(page.limit + 1);
  return statements;
}

Result<Reply> render(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(row.str(0), row.int64(1), std::to_string(row.int64(2)))) break;
  return std::move(list).finish(call.access.seq);
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/issues/{id}/timeline",
                    .operation = "getTimeline",
                    .summary = "Everything that happened to the issue, in order",
                    .scope = Scope::issue,
                    .response = &item_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan, render}});
}

}  // namespace dossier::api::timeline
