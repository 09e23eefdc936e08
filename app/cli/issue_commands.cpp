// dossier issue …: over HTTP.
#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/text_argument.hpp"
#include "base/ids.hpp"
#include "replay/text.hpp"

namespace dossier::cli {
namespace {

constexpr std::size_t kShownLines = 10'000;

std::string issue_target(const std::string& id) { return "/v1/issues/" + segment(id); }

std::string summary_of(const json::Value& issue) { return "#" + cell(issue, "number") + "  " + cell(issue, "id") + "  " + cell(issue, "title"); }

Result<json::Value::Object> fields_of(const Invocation& in) {
  json::Value::Object body;
  if (const auto text = in.optional("--body")) {
    TRY(auto whole, text_or_stdin(*text));
    body.emplace_back("body", std::move(whole));
  }
  if (const auto status = in.optional("--status")) body.emplace_back("status", *status);
  if (const auto project = in.optional("--project")) body.emplace_back("project_id", *project);
  return body;
}

}  // namespace

Result<int> issue_create(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(auto fields, fields_of(in));
  json::Value::Object body{{"title", in.text("TITLE")}};
  body.insert(body.end(), fields.begin(), fields.end());
  TRY(const auto workspace, client.workspace(in));
  TRY(const auto reply, client.post("/v1/workspaces/" + segment(workspace) + "/issues", body, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  return print(summary_of(reply.body) + "\n");
}

Result<int> issue_edit(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(auto body, fields_of(in));
  if (const auto title = in.optional("--title")) body.emplace_back("title", *title);
  if (body.empty()) return make_error(Code::usage, "nothing to change: give --title, --body, --status or --project");
  TRY(const auto issue, client.issue(in, in.text("ISSUE")));
  TRY(const auto reply, client.patch(issue_target(issue), body, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  return print(summary_of(reply.body) + "  " + cell(reply.body, "status") + "\n");
}

Result<int> issue_comment(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto issue, client.issue(in, in.text("ISSUE")));
  TRY(auto text, text_or_stdin(in.text("TEXT")));
  TRY(const auto reply, client.post(issue_target(issue) + "/comments", json::Value::Object{{"body", std::move(text)}}, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  const std::string follow_up = cell(reply.body, "follow_up_id");
  return print(cell(reply.body, "id") + "  seq " + cell(reply.body, "seq") +
               (is_id(follow_up, FollowUpId::prefix()) ? "  follows up " + cell(reply.body, "session_id") + " as " + follow_up : "") + "\n");
}

Result<int> issue_list(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto limit, in.number("--limit", 1, 100'000));
  TRY(const auto workspace, client.workspace(in));
  TRY(const auto list, client.list("/v1/workspaces/" + segment(workspace) + "/issues", limit, in.text("--cursor")));
  if (in.json()) return print_json(list);
  std::vector<std::vector<std::string>> rows;
  for (const auto& issue : *list.find("items")->array())
    rows.push_back({cell(issue, "number"), cell(issue, "status"), cell(issue, "comment_count"), short_time(cell(issue, "updated_at")),
                    cell(issue, "id"), cell(issue, "title")});
  return print(table({{"#", true}, {"STATUS"}, {"COMMENTS", true}, {"UPDATED (UTC)"}, {"ID"}, {"TITLE"}}, rows));
}

Result<int> issue_show(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto issue, client.issue(in, in.text("ISSUE")));
  const auto at = in.optional("--at");
  TRY(const auto reply, client.get(issue_target(issue) + (at ? "?at=" + segment(*at) : "")));
  if (in.json()) return print_json(reply.body);
  std::string out = summary_of(reply.body) + "\n" + cell(reply.body, "status") + ", opened " + short_time(cell(reply.body, "created_at")) + " by " +
                    cell(reply.body, "author_id") + ", seq " + cell(reply.body, "seq") + "\n";
  if (const auto text = reply.body.text("body"); !text.empty()) {
    out += "\n";
    replay::append_block(out, "    ", text, kShownLines);
  }
  if (const auto* comments = reply.body.find("comments"); comments != nullptr && comments->array() != nullptr)
    for (const auto& comment : *comments->array()) {
      const auto* removed = comment.find("removed");
      const auto* edited = comment.find("edited");
      out += "\n" + short_time(cell(comment, "created_at")) + "  " + cell(comment, "author_id") +
             (edited != nullptr && edited->boolean() != nullptr && *edited->boolean() ? "  (edited)" : "") +
             (removed != nullptr && removed->boolean() != nullptr && *removed->boolean() ? "  (removed)" : "") + "\n";
      replay::append_block(out, "    ", comment.text("body"), kShownLines);
    }
  return print(out);
}

}  // namespace dossier::cli
