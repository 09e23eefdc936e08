// /v1/sessions/{id}/follow-ups, …/{fup}, …/{fup}/steer
#include "api/body.hpp"
#include "api/follow_up_document.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/follow_up.hpp"
#include "events/names.hpp"
#include "producers/commands/session.hpp"

namespace dossier::api::follow_ups {
namespace {

namespace commands = producers::commands;

const std::string& one_sql() {
  static const std::string sql = "SELECT " + std::string(kColumns) + " WHERE f.session_id = $1 AND f.id = $2 AND f.first_seq IS NOT NULL LIMIT 1";
  return sql;
}
const std::string& list_sql() {
  static const std::string sql = "SELECT " + std::string(kColumns) +
                                 " WHERE f.session_id = $1 AND f.first_seq IS NOT NULL AND (f.first_seq, f.first_index) > ($2, $3::bigint)"
                                 " ORDER BY f.first_seq, f.first_index LIMIT $4";
  return sql;
}

const Schema& new_follow_up_schema() {
  static const Schema schema{
      "NewFollowUp", {{"body", FieldType::string, true, "Markdown, up to 64 KiB; the agent gets it with its next turn", R"("Also add a test.")"}}};
  return schema;
}
const Schema& edited_follow_up_schema() {
  static const Schema schema{"EditFollowUp", {{"body", FieldType::string, true, "the new text", R"("Also add two tests.")"}}};
  return schema;
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = one_sql();
  statements[0].params.text(call.path_value("id")).text(call.path_value("fup"));
  return statements;
}

Result<Reply> render_one(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such follow-up");
  Reply reply;
  reply.body = row_json(rows[0].front());
  return reply;
}
const Read kFollowUpRead{plan_one, render_one};

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  TRY(const std::int64_t index, page_index(page));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = list_sql();
  statements[0].params.text(call.path_value("id")).int8(page.number).int8(index).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(row_json(row), row.int64(8), std::to_string(row.int64(9)))) break;
  return std::move(list).finish(call.access.seq);
}

Result<std::string> read_body(const Call& call) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  std::string text = reader.required_string("body", events::kMaxFollowUpBytes);
  TRY_STATUS(reader.finish());
  return text;
}

Result<Prepared> prepared(const Call& call, producers::Decide decide) {
  Prepared out;
  out.hot_stream = events::session_stream(SessionId(call.path_value("id")));
  out.decide = std::move(decide);
  return out;
}

Result<Prepared> prepare_add(const Call& call, const CommitId&) {
  TRY(std::string body, read_body(call));
  return prepared(call, commands::add_follow_up(SessionId(call.path_value("id")), std::move(body)));
}
Result<Prepared> prepare_edit(const Call& call, const CommitId&) {
  TRY(std::string body, read_body(call));
  return prepared(call, commands::edit_follow_up(SessionId(call.path_value("id")), FollowUpId(call.path_value("fup")), std::move(body)));
}
Result<Prepared> prepare_remove(const Call& call, const CommitId&) {
  return prepared(call, commands::remove_follow_up(SessionId(call.path_value("id")), FollowUpId(call.path_value("fup"))));
}
Result<Prepared> prepare_steer(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request, true));
  json::ObjectReader reader(body);
  TRY_STATUS(reader.finish());
  return prepared(call, commands::steer_follow_up(SessionId(call.path_value("id")), FollowUpId(call.path_value("fup"))));
}

Result<Reply> render_removed(const Call&, const producers::Committed&) { return Reply{}; }

// The read needs the new one's id.
bool shows_added(Call& call, const producers::Committed& committed) {
  for (const Fact& fact : facts_of(committed.commit))
    if (fact.payload.session().has_follow_up_queued()) call.path.emplace_back("fup", fact.payload.session().follow_up_queued().follow_up_id());
  return true;
}
bool shows(Call&, const producers::Committed&) { return true; }

}  // namespace

const Schema& document_schema() {
  static const Schema schema{"FollowUp",
                             {{"id", FieldType::string, true, "fup_…"},
                              {"session_id", FieldType::string, true, {}},
                              {"comment_id", FieldType::string, true, "the comment that it is", {}, true},
                              {"author_id", FieldType::string, true, {}},
                              {"queued_at", FieldType::string, true, "RFC 3339"},
                              {"body", FieldType::string, true, "Markdown", {}, true},
                              {"status", FieldType::string, true, "waiting, delivered, removed, or not_delivered: the session ended before"},
                              {"steer_requested", FieldType::boolean, true, "it is to go into the present turn"},
                              {"turn", FieldType::integer, true, "the one that took it", {}, true},
                              {"steered", FieldType::boolean, true, "that turn had begun"},
                              {"delivered_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}

std::string row_json(const postgres::Row& row) {
  return std::move(JsonObject()
                       .members(row.text(0))
                       .raw("body", row.text(1))
                       .text("status", row.text(2))
                       .boolean("steer_requested", row.boolean(3))
                       .number_or_null("turn", row.optional_int64(4))
                       .boolean("steered", row.boolean(5))
                       .raw("delivered_at", time_json(row.int64(6)))
                       .number("seq", row.int64(7)))
      .finish();
}

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}/follow-ups",
                    .operation = "listFollowUps",
                    .summary = "What people said to the session while it was at work, oldest first",
                    .scope = Scope::session,
                    .response = &document_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/sessions/{id}/follow-ups",
                    .operation = "addFollowUp",
                    .summary = "Say something to a session at work: its agent gets it with the next turn",
                    .scope = Scope::session,
                    .status = 201,
                    .request = &new_follow_up_schema(),
                    .response = &document_schema(),
                    .answer = Command{prepare_add, nullptr, shows_added, &kFollowUpRead}});
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}/follow-ups/{fup}",
                    .operation = "getFollowUp",
                    .summary = "A follow-up, and what became of it",
                    .scope = Scope::session,
                    .response = &document_schema(),
                    .answer = kFollowUpRead});
  routes.push_back({.method = "PATCH",
                    .path = "/v1/sessions/{id}/follow-ups/{fup}",
                    .operation = "editFollowUp",
                    .summary = "Change a follow-up that waits",
                    .scope = Scope::session,
                    .request = &edited_follow_up_schema(),
                    .response = &document_schema(),
                    .answer = Command{prepare_edit, nullptr, shows, &kFollowUpRead}});
  routes.push_back({.method = "DELETE",
                    .path = "/v1/sessions/{id}/follow-ups/{fup}",
                    .operation = "removeFollowUp",
                    .summary = "Take back a follow-up that waits",
                    .scope = Scope::session,
                    .status = 204,
                    .answer = Command{prepare_remove, render_removed}});
  routes.push_back({.method = "POST",
                    .path = "/v1/sessions/{id}/follow-ups/{fup}/steer",
                    .operation = "steerFollowUp",
                    .summary = "Ask that a follow-up goes into the turn that runs now, not only with the next one",
                    .scope = Scope::session,
                    .response = &document_schema(),
                    .answer = Command{prepare_steer, nullptr, shows, &kFollowUpRead}});
}

}  // namespace dossier::api::follow_ups
