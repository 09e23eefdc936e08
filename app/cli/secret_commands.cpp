// dossier project secret …: values are read from files or standard input, and never shown.
#include <cstdio>
#include <fstream>

#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/text_argument.hpp"

namespace dossier::cli {
namespace {

constexpr std::int64_t kMaxListed = 1'000;

Result<std::string> content_of(const std::string& file, std::string_view option) {
  if (file == "-") return text_or_stdin("-");
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxTextBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.empty()) return make_error(Code::usage, "can't read " + file + ", or it is empty", std::string(option));
  if (text.size() > kMaxTextBytes) return make_error(Code::usage, file + " is too large", std::string(option));
  return text;
}

// As editors and echo end a file. A key keeps its end: its format wants it.
std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string secrets_of(const Invocation& in) { return "/v1/projects/" + segment(in.text("PROJECT")) + "/secrets"; }

// What fits another kind is refused and not passed over.
Status check_options(const Invocation& in, const std::string& kind) {
  const auto only = [&](const char* option, const char* of) -> Status {
    if (kind == of || !in.optional(option)) return {};
    return make_error(Code::usage, "goes with " + std::string(of) + " alone", option);
  };
  TRY_STATUS(only("--name", "value"));
  TRY_STATUS(only("--passphrase-file", "git_ssh"));
  return only("--host-key", "git_ssh");
}

}  // namespace

Result<int> project_secret_set(const Invocation& in) {
  const std::string kind = in.text("KIND");
  TRY_STATUS(check_options(in, kind));
  json::Value::Object body{{"kind", kind}};
  TRY(std::string content, content_of(in.text("--file"), "--file"));
  if (kind == "git_https") {
    body.emplace_back("username", in.text("--username"));
    body.emplace_back("password", without_line_end(std::move(content)));
  } else if (kind == "git_ssh") {
    body.emplace_back("private_key", std::move(content));
    if (const auto file = in.optional("--passphrase-file")) {
      TRY(std::string passphrase, content_of(*file, "--passphrase-file"));
      body.emplace_back("passphrase", without_line_end(std::move(passphrase)));
    }
    if (const auto host_key = in.optional("--host-key")) body.emplace_back("host_key", *host_key);
  } else {
    TRY(const auto name, in.required("--name"));
    body.emplace_back("name", name);
    body.emplace_back("value", without_line_end(std::move(content)));
  }
  TRY(auto client, ApiClient::make(in));
  TRY(const auto reply, client.post(secrets_of(in), body, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  return print(cell(reply.body, "id") + "  " + cell(reply.body, "name") + "\n");
}

Result<int> project_secret_list(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto list, client.list(secrets_of(in), kMaxListed));
  if (in.json()) return print_json(list);
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : *list.find("items")->array())
    rows.push_back({cell(item, "name"), cell(item, "kind"), short_time(cell(item, "set_at")), cell(item, "set_by"), cell(item, "id")});
  return print(table({{"NAME"}, {"KIND"}, {"SET (UTC)"}, {"BY"}, {"ID"}}, rows));
}

Result<int> project_secret_remove(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  std::string id = in.text("SECRET");
  if (!id.starts_with("sec_")) {
    TRY(const auto list, client.list(secrets_of(in), kMaxListed));
    for (const auto& item : *list.find("items")->array())
      if (cell(item, "name") == in.text("SECRET")) id = cell(item, "id");
    if (!id.starts_with("sec_")) return make_error(Code::not_found, "the project has no secret of this name", "SECRET");
  }
  TRY(const auto reply, client.remove(secrets_of(in) + "/" + segment(id)));
  if (in.json()) return print_json(reply.body);
  return print("removed\n");
}

}  // namespace dossier::cli
