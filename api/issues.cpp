// /v1/workspaces/{ws}/issues, /v1/issues/{id}
#include "api/body.hpp"
#include "api/comment_document.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/issue.hpp"
#include "events/names.hpp"
#include "producers/commands/issue.hpp"
#include "replay/issue_at.hpp"
#include "replay/time_travel.hpp"

namespace dossier::api::issues {
namespace {

constexpr std::int64_t kInlineComments = 200;

constexpr std::string_view kIssueSql = R"(
SELECT id, workspace, COALESCE(number, 0), COALESCE(title_json, 'null'), COALESCE(body_json, '""'), COALESCE(status, 'open'),
       COALESCE(project_id, ''), COALESCE(author_id, ''), created_us, COALESCE(updated_us, created_us), COALESCE(seq, 0),
       COALESCE(comment_count, 0)
FROM issues WHERE id = $1 AND created_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kIssueCommentsSql = R"(
SELECT head_json, COALESCE(body_json, 'null'), COALESCE(edited, false), COALESCE(removed, false), COALESCE(seq, 0), id
FROM comments WHERE issue_id = $1 AND first_seq IS NOT NULL
ORDER BY first_seq, first_index LIMIT $2)";
constexpr std::string_view kListSql = R"(
SELECT id, workspace, COALESCE(number, 0), COALESCE(title_json, 'null'), '""', COALESCE(status, 'open'),
       COALESCE(project_id, ''), COALESCE(author_id, ''), created_us, COALESCE(updated_us, created_us), COALESCE(seq, 0),
       COALESCE(comment_count, 0)
FROM issues
WHERE workspace = $1 AND created_us IS NOT NULL AND number < $2 AND ($3 = '' OR status = $3)
ORDER BY number DESC LIMIT $4)";

const Schema& issue_schema() {
  static const Schema schema{"Issue",
                             {{"id", FieldType::string, true, "iss_…"},
                              {"workspace_id", FieldType::string, true, "ws_…"},
                              {"number", FieldType::integer, true, "counts the workspace's issues"},
                              {"title", FieldType::string, true, {}, {}, true},
                              {"body", FieldType::string, true, "Markdown", {}, true},
                              {"status", FieldType::string, true, "open, needs_review, ready_for_test or closed"},
                              {"project_id", FieldType::string, true, "prj_…", {}, true},
                              {"author_id", FieldType::string, true, {}},
                              {"created_at", FieldType::string, true, "RFC 3339"},
                              {"updated_at", FieldType::string, true, "RFC 3339"},
                              {"seq", FieldType::integer, true, "of its last change"},
                              {"comment_count", FieldType::integer, true, {}},
                              {"comments", FieldType::array, true, "the first 200; more under /comments"}}};
  return schema;
}

const Schema& issue_summary_schema() {
  static const Schema schema = [] {
    Schema summary = issue_schema();
    summary.name = "IssueSummary";
    std::erase_if(summary.fields, [](const Field& field) { return field.name == "comments" || field.name == "body"; });
    return summary;
  }();
  return schema;
}

const Schema& new_issue_schema() {
  static const Schema schema{"NewIssue",
                             {{"title", FieldType::string, true, "1 to 500 bytes", R"("Make the greeting friendlier")"},
                              {"body", FieldType::string, false, "Markdown; rows like - [ ] become child issues", R"("It should name the reader.")"},
                              {"project_id", FieldType::string, false, "prj_…"},
                              {"status", FieldType::string, false, "a status, or a word for one (todo, in_review, done, …)", R"("open")"}}};
  return schema;
}
const Schema& issue_edit_schema() {
  static const Schema schema = [] {
    Schema edit = new_issue_schema();
    edit.name = "IssueEdit";
    for (Field& field : edit.fields) field.required = false;
    return edit;
  }();
  return schema;
}

replay::IssueDocument document_of(const postgres::Row& row) {
  replay::IssueDocument issue;
  issue.id = row.str(0);
  issue.workspace_id = row.str(1);
  issue.number = row.uint64(2);
  issue.title_json = row.str(3);
  issue.body_json = row.str(4);
  issue.status = row.str(5);
  issue.project_id = row.str(6);
  issue.author_id = row.str(7);
  issue.created_us = row.int64(8);
  issue.updated_us = row.int64(9);
  issue.seq = row.uint64(10);
  issue.comment_count = row.int64(11);
  return issue;
}

// The document, with the comments' rows in place of the fold's.
std::string issue_json(const replay::IssueDocument& issue, const std::vector<std::string>& comments) {
  std::string out;
  replay::append_json(out, issue);
  const std::string empty = "\"comments\":[]}";
  CHECK(out.ends_with(empty));
  out.resize(out.size() - empty.size());
  return out + "\"comments\":" + json_array(comments) + "}";
}

// A list shows neither bodies nor comments: they may be large.
std::string summary_json(const replay::IssueDocument& issue) {
  return std::move(JsonObject()
                       .text("id", issue.id)
                       .text("workspace_id", issue.workspace_id)
                       .number("number", static_cast<std::int64_t>(issue.number))
                       .raw("title", issue.title_json)
                       .text("status", issue.status)
                       .text_or_null("project_id", issue.project_id)
                       .text("author_id", issue.author_id)
                       .raw("created_at", time_json(issue.created_us))
                       .raw("updated_at", time_json(issue.updated_us))
                       .number("seq", static_cast<std::int64_t>(issue.seq))
                       .number("comment_count", issue.comment_count))
      .finish();
}

Result<std::vector<postgres::Statement>> plan_issue(const Call& call) {
  std::vector<postgres::Statement> statements(2);
  statements[0].sql = kIssueSql;
  statements[0].params.text(call.path_value("id"));
  statements[1].sql = kIssueCommentsSql;
  statements[1].params.text(call.path_value("id")).int8(kInlineComments);
  return statements;
}

Result<Reply> render_issue(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such issue");
  std::vector<std::string> comments;
  for (const postgres::Row row : rows[1]) comments.push_back(comments::row_json(row));
  Reply reply;
  reply.body = issue_json(document_of(rows[0].front()), comments);
  return reply;
}

Result<Reply> issue_then(const Call& call, postgres::ReadTransaction& snapshot, std::string_view at) {
  TRY(const replay::Until until, replay::parse_until(at, "at"));
  TRY(auto document, replay::issue_json_at(snapshot, WorkspaceId(call.access.workspace), IssueId(call.path_value("id")), until));
  if (!document) return make_error(Code::not_found, "the issue did not exist then", "at");
  Reply reply;
  reply.body = *std::move(document);
  return reply;
}

const Read kIssueRead{plan_issue, render_issue, issue_then};

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  std::string status;
  if (const std::string* word = call.request.parameter("status")) {
    const auto parsed = events::parse_status(*word);
    if (!parsed) return make_error(Code::invalid_field, "is no status: open, needs_review, ready_for_test, closed", "status");
    status = events::status_name(*parsed);
  }
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kListSql;
  statements[0].params.text(call.path_value("ws")).int8(page.is_first ? INT64_MAX : page.number).text(status).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0]) {
    if (!list.add(summary_json(document_of(row)), row.int64(2), {})) break;
  }
  return std::move(list).finish(call.access.seq);
}

Result<std::optional<ProjectId>> optional_project(json::ObjectReader& reader) {
  const auto text = reader.optional_string("project_id", 100);
  if (!text) return std::optional<ProjectId>();
  TRY(ProjectId id, ProjectId::parse(*text, "project_id"));
  return std::optional<ProjectId>(std::move(id));
}

std::optional<v1::IssueStatus> optional_status(json::ObjectReader& reader) {
  const auto word = reader.optional_string("status", 40);
  if (!word) return std::nullopt;
  const auto status = events::parse_status(*word);
  if (!status) reader.fail("status", "is no status: open, needs_review, ready_for_test, closed");
  return status;
}

Result<Prepared> prepare_open(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  producers::commands::OpenIssue command;
  command.title = reader.required_string("title", events::kMaxTitleBytes);
  command.body = reader.optional_string("body", events::kMaxBodyBytes).value_or("");
  auto project = optional_project(reader);
  command.status = optional_status(reader).value_or(v1::OPEN);
  TRY_STATUS(reader.finish());
  TRY(command.project, std::move(project));
  Prepared prepared;
  prepared.decide = producers::commands::open_issue(std::move(command));
  return prepared;
}

// The number of the new issue: the version of the count after it. 0: this process was not told.
std::uint64_t number_of(const std::vector<Fact>& facts, std::string_view issue_id) {
  for (const Fact& fact : facts)
    if (fact.payload.issue_numbers().issue_numbered().issue_id() == issue_id) return fact.version;
  return 0;
}

bool open_shows(Call& call, const producers::Committed& committed) {
  const std::string id = events::derive_id<IssueId>(committed.commit.id).str();
  if (number_of(facts_of(committed.commit), id) != 0) return false;
  call.path.emplace_back("id", id);
  return true;
}

Result<Reply> render_open(const Call& call, const producers::Committed& committed) {
  const producers::AcceptedCommit& commit = committed.commit;
  const std::vector<Fact> facts = facts_of(commit);
  replay::IssueDocument issue;
  issue.id = events::derive_id<IssueId>(commit.id).str();
  issue.workspace_id = commit.workspace.str();
  issue.number = number_of(facts, issue.id);
  issue.author_id = commit.commit.actor().id();
  issue.created_us = issue.updated_us = commit.time_us;
  issue.seq = commit.seq;
  for (const Fact& fact : facts) {
    if (fact.event->stream() != events::issue_stream(IssueId(issue.id))) continue;
    const v1::IssueEvent& event = fact.payload.issue();
    if (event.has_issue_opened()) {
      issue.title_json = text_json(event.issue_opened().title());
      issue.body_json = text_json(event.issue_opened().body());
      issue.status = events::status_name(event.issue_opened().status());
    } else if (event.has_project_attached()) {
      issue.project_id = event.project_attached().project_id();
    }
  }
  Reply reply;
  reply.body = issue_json(issue, {});
  reply.headers.emplace_back("Location", "/v1/issues/" + issue.id);
  return reply;
}

Result<Prepared> prepare_edit(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  producers::commands::EditIssue command;
  command.issue = IssueId(call.path_value("id"));
  command.edit.title = reader.optional_string("title", events::kMaxTitleBytes);
  if (command.edit.title && command.edit.title->empty()) reader.fail("title", "must not be empty");
  command.edit.body = reader.optional_string("body", events::kMaxBodyBytes);
  auto project = optional_project(reader);
  command.edit.status = optional_status(reader);
  TRY_STATUS(reader.finish());
  TRY(command.project, std::move(project));
  Prepared prepared;
  prepared.hot_stream = events::issue_stream(command.issue);
  prepared.decide = producers::commands::edit_issue(std::move(command));
  return prepared;
}

bool edit_shows(Call&, const producers::Committed&) { return true; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  std::vector<Parameter> listing = page_parameters();
  listing.push_back({"status", "Only issues of this status.", FieldType::string});
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/issues",
                    .operation = "listIssues",
                    .summary = "The workspace's issues, the latest first, without their bodies",
                    .scope = Scope::workspace,
                    .response = &issue_summary_schema(),
                    .lists = true,
                    .query = listing,
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/workspaces/{ws}/issues",
                    .operation = "openIssue",
                    .summary = "Open an issue",
                    .scope = Scope::workspace,
                    .status = 201,
                    .request = &new_issue_schema(),
                    .response = &issue_schema(),
                    .answer = Command{prepare_open, render_open, open_shows, &kIssueRead}});
  Route get{.method = "GET",
            .path = "/v1/issues/{id}",
            .operation = "getIssue",
            .summary = "An issue with its comments, now or as of a moment",
            .scope = Scope::issue,
            .response = &issue_schema(),
            .query = {{"at", "A seq, or an RFC 3339 time: the issue as it was then.", FieldType::string}},
            .answer = kIssueRead};
  routes.push_back(get);
  routes.push_back({.method = "PATCH",
                    .path = "/v1/issues/{id}",
                    .operation = "editIssue",
                    .summary = "Change an issue",
                    .scope = Scope::issue,
                    .request = &issue_edit_schema(),
                    .response = &issue_schema(),
                    .answer = Command{prepare_edit, nullptr, edit_shows, &kIssueRead}});
}

}  // namespace dossier::api::issues
