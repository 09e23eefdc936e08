// dossier session …: what an agent did, and what is said to it while it is at work. Over HTTP.
#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/text_argument.hpp"

namespace dossier::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string session_target(const Invocation& in) { return "/v1/sessions/" + segment(in.text("SESSION")); }
std::string follow_up_target(const Invocation& in) { return session_target(in) + "/follow-ups/" + segment(in.text("FOLLOW_UP")); }

int print_follow_up(const Invocation& in, const json::Value& follow_up) {
  if (in.json()) return print_json(follow_up);
  return print(cell(follow_up, "id") + "  " + cell(follow_up, "status") + "\n");
}

}  // namespace

Result<int> session_show(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto reply, client.get(session_target(in)));
  if (in.json()) return print_json(reply.body);
  Rows fields, said;
  for (const auto& [name, value] : *reply.body.object())
    if (name != "follow_ups") fields.push_back({name, cell(reply.body, name)});
  if (const auto* follow_ups = reply.body.find("follow_ups"); follow_ups != nullptr && follow_ups->array() != nullptr)
    for (const auto& one : *follow_ups->array())
      said.push_back({cell(one, "status"), cell(one, "turn"), short_time(cell(one, "queued_at")), cell(one, "id"), cell(one, "body")});
  std::string out = table({{"FIELD"}, {"VALUE"}}, fields);
  if (!said.empty()) out += "\n" + table({{"FOLLOW-UP"}, {"TURN", true}, {"QUEUED (UTC)"}, {"ID"}, {"TEXT"}}, said);
  return print(out);
}

Result<int> session_follow_up(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(auto text, text_or_stdin(in.text("TEXT")));
  TRY(const auto reply,
      client.post(session_target(in) + "/follow-ups", json::Value::Object{{"body", std::move(text)}}, in.text("--idempotency-key")));
  return print_follow_up(in, reply.body);
}

Result<int> session_edit_follow_up(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(auto text, text_or_stdin(in.text("TEXT")));
  TRY(const auto reply, client.patch(follow_up_target(in), json::Value::Object{{"body", std::move(text)}}, in.text("--idempotency-key")));
  return print_follow_up(in, reply.body);
}

Result<int> session_remove_follow_up(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto reply, client.remove(follow_up_target(in)));
  if (in.json()) return print_json(reply.body);
  return print("removed\n");
}

Result<int> session_steer(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto reply, client.post(follow_up_target(in) + "/steer", json::Value::Object{}, in.text("--idempotency-key")));
  return print_follow_up(in, reply.body);
}

Result<int> session_stop(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  json::Value::Object body;
  if (const auto reason = in.optional("--reason")) body.emplace_back("reason", *reason);
  TRY(const auto reply, client.post(session_target(in) + "/stop", body, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  return print(cell(reply.body, "id") + "  " + cell(reply.body, "status") + "\n");
}

}  // namespace dossier::cli
