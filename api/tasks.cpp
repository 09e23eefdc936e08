// /v1/workspaces/{ws}/tasks, /v1/tasks/{id}
#include <algorithm>

#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/names.hpp"
#include "producers/commands/task.hpp"

namespace dossier::api::tasks {
namespace {

constexpr std::size_t kMaxReasonBytes = 1'000;

constexpr std::string_view kOneSql = R"(
SELECT id, COALESCE(issue_id, ''), COALESCE(session_id, ''), COALESCE(kind, ''), COALESCE(status, 'queued'), COALESCE(priority, 0),
       COALESCE(offer, 0), COALESCE(worker_id, ''), COALESCE(attempts, 0), COALESCE(max_attempts, 0), queued_us,
       COALESCE(claimed_us, 0), COALESCE(ended_us, 0), COALESCE(error_code, ''), COALESCE(error_json, 'null'),
       COALESCE(result_json, 'null'), COALESCE(commit, ''), COALESCE(branch, ''), COALESCE(cancel_requested, false),
       COALESCE(pool, ''), COALESCE(seq, 0)
FROM tasks WHERE id = $1 AND queued_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kListSql = R"(
SELECT id, COALESCE(issue_id, ''), COALESCE(session_id, ''), COALESCE(kind, ''), COALESCE(status, 'queued'), COALESCE(priority, 0),
       COALESCE(offer, 0), COALESCE(worker_id, ''), COALESCE(attempts, 0), COALESCE(max_attempts, 0), queued_us,
       COALESCE(claimed_us, 0), COALESCE(ended_us, 0), COALESCE(error_code, ''), COALESCE(error_json, 'null'),
       COALESCE(result_json, 'null'), COALESCE(commit, ''), COALESCE(branch, ''), COALESCE(cancel_requested, false),
       COALESCE(pool, ''), COALESCE(seq, 0)
FROM tasks
WHERE workspace = $1 AND queued_us IS NOT NULL AND (queued_us, id) < ($2, $3) AND ($4 = '' OR COALESCE(status, 'queued') = $4)
ORDER BY queued_us DESC, id DESC LIMIT $5)";

const Schema& task_schema() {
  static const Schema schema{"Task",
                             {{"id", FieldType::string, true, "tsk_…"},
                              {"issue_id", FieldType::string, true, {}},
                              {"session_id", FieldType::string, true, {}},
                              {"kind", FieldType::string, true, "agent"},
                              {"status", FieldType::string, true, "queued, offered, claimed, running, completed, failed or cancelled"},
                              {"priority", FieldType::integer, true, "higher first"},
                              {"offer", FieldType::integer, true, "the present or last one; 0: none yet"},
                              {"worker_id", FieldType::string, true, {}, {}, true},
                              {"attempts", FieldType::integer, true, {}},
                              {"max_attempts", FieldType::integer, true, {}},
                              {"queued_at", FieldType::string, true, "RFC 3339"},
                              {"claimed_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"ended_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"error", FieldType::object, true, "code and message", {}, true},
                              {"result", FieldType::string, true, {}, {}, true},
                              {"commit", FieldType::string, true, {}, {}, true},
                              {"branch", FieldType::string, true, {}, {}, true},
                              {"cancel_requested", FieldType::boolean, true, {}},
                              {"pool", FieldType::string, true, {}},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& cancel_schema() {
  static const Schema schema{"CancelTask", {{"reason", FieldType::string, false, "for whoever reads the timeline", R"("not needed any more")"}}};
  return schema;
}

std::string error_json(const postgres::Row& row) {
  if (row.text(13).empty()) return "null";
  return std::move(JsonObject().text("code", row.text(13)).raw("message", row.text(14))).finish();
}

std::string task_json(const postgres::Row& row) {
  return std::move(JsonObject()
                       .text("id", row.text(0))
                       .text_or_null("issue_id", row.text(1))
                       .text_or_null("session_id", row.text(2))
                       .text("kind", row.text(3))
                       .text("status", row.text(4))
                       .number("priority", row.int64(5))
                       .number("offer", row.int64(6))
                       .text_or_null("worker_id", row.text(7))
                       .number("attempts", row.int64(8))
                       .number("max_attempts", row.int64(9))
                       .raw("queued_at", time_json(row.int64(10)))
                       .raw("claimed_at", time_json(row.int64(11)))
                       .raw("ended_at", time_json(row.int64(12)))
                       .raw("error", error_json(row))
                       .raw("result", row.text(15))
                       .text_or_null("commit", row.text(16))
                       .text_or_null("branch", row.text(17))
                       .boolean("cancel_requested", row.boolean(18))
                       .text("pool", row.text(19))
                       .number("seq", row.int64(20)))
      .finish();
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOneSql;
  statements[0].params.text(call.path_value("id"));
  return statements;
}

Result<Reply> render_one(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such task");
  Reply reply;
  reply.body = task_json(rows[0].front());
  return reply;
}
const Read kTaskRead{plan_one, render_one};

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  static constexpr std::string_view kWords[] = {"queued", "offered", "claimed", "running", "completed", "failed", "cancelled"};
  std::string status;
  if (const std::string* word = call.request.parameter("status")) {
    if (std::find(std::begin(kWords), std::end(kWords), *word) == std::end(kWords))
      return make_error(Code::invalid_field, "must be queued, offered, claimed, running, completed, failed or cancelled", "status");
    status = *word;
  }
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kListSql;
  statements[0].params.text(call.path_value("ws")).int8(page.is_first ? INT64_MAX : page.number).text(page.text).text(status).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(task_json(row), row.int64(10), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

Result<Prepared> prepare_cancel(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request, true));
  json::ObjectReader reader(body);
  std::string reason = reader.optional_string("reason", kMaxReasonBytes).value_or("");
  TRY_STATUS(reader.finish());
  const TaskId task(call.path_value("id"));
  Prepared prepared;
  prepared.hot_stream = events::task_stream(task);
  prepared.decide = producers::commands::cancel_task(task, std::move(reason));
  return prepared;
}

bool cancel_shows(Call&, const producers::Committed&) { return true; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  std::vector<Parameter> listing = page_parameters();
  listing.push_back({"status", "Only tasks of this status.", FieldType::string});
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/tasks",
                    .operation = "listTasks",
                    .summary = "The workspace's tasks, the latest first",
                    .scope = Scope::workspace,
                    .response = &task_schema(),
                    .lists = true,
                    .query = listing,
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "GET",
                    .path = "/v1/tasks/{id}",
                    .operation = "getTask",
                    .summary = "A task",
                    .scope = Scope::task,
                    .response = &task_schema(),
                    .answer = kTaskRead});
  routes.push_back({.method = "POST",
                    .path = "/v1/tasks/{id}/cancel",
                    .operation = "cancelTask",
                    .summary = "Cancel a task: at once before a worker claimed it, a request to the worker after",
                    .scope = Scope::task,
                    .request = &cancel_schema(),
                    .response = &task_schema(),
                    .answer = Command{prepare_cancel, nullptr, cancel_shows, &kTaskRead}});
}

}  // namespace dossier::api::tasks
