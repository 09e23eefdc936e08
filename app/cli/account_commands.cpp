// dossier sign-in, sign-out, whoami, and the first user: what touches the token in the profile.
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/profile.hpp"

namespace dossier::cli {
namespace {

// No echo while the object lives.
class Quiet {
 public:
  Quiet() : changed_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!changed_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Quiet() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  termios before_{};
  bool changed_;
};

// $DOSSIER_PASSWORD, or a line of standard input: typed without echo, or piped. Never an argument: those are public.
Result<std::string> password(const Invocation& in) {
  if (auto given = in.optional("DOSSIER_PASSWORD")) return std::move(*given);
  const bool typed = ::isatty(STDIN_FILENO) != 0;
  std::string line;
  if (typed) std::fputs("Password: ", stderr);
  {
    const Quiet quiet;
    std::getline(std::cin, line);
  }
  if (typed) std::fputs("\n", stderr);
  if (line.empty()) return make_error(Code::usage, "no password: type it, pipe it in, or set DOSSIER_PASSWORD");
  return line;
}

Result<int> keep(const Invocation& in, const ApiClient& client, const json::Value& body, const std::string& workspace) {
  const std::string token = body.text("token");
  if (token.empty()) return make_error(Code::io, "the server's answer has no token");
  TRY(const auto file, profile_to_write(in.text("--profile"), process_environment(), in.profile_file));
  std::map<std::string, std::string, std::less<>> values{{"url", client.url()}, {"token", token}};
  if (!workspace.empty()) values["workspace"] = workspace;
  TRY_STATUS(save_profile(file, values));
  if (in.json()) return print_json(body);
  const auto* user = body.find("user");
  return print("signed in" + (user == nullptr ? "" : " as " + cell(*user, "login")) + "; the token is in " + file + "\n");
}

}  // namespace

Result<int> sign_in(const Invocation& in) {
  TRY(auto client, ApiClient::make(in, false));
  TRY(auto secret, password(in));
  TRY(const auto reply, client.post("/v1/auth/sign-in", json::Value::Object{{"login", in.text("LOGIN")}, {"password", std::move(secret)}}));
  return keep(in, client, reply.body, {});
}

Result<int> sign_out(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto reply, client.post("/v1/auth/sign-out", json::Value::Object{}));
  if (!in.profile_file.empty()) TRY_STATUS(save_profile(in.profile_file, {{"token", ""}}));
  if (in.json()) return print_json(reply.body);
  return print("signed out\n");
}

Result<int> whoami(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto me, client.get("/v1/me"));
  if (in.json()) return print_json(me.body);
  const auto* user = me.body.find("user");
  std::string out = user == nullptr ? std::string() : cell(*user, "login") + "  " + cell(*user, "id") + "\n";
  if (const auto* workspaces = me.body.find("workspaces"); workspaces != nullptr && workspaces->array() != nullptr)
    for (const auto& workspace : *workspaces->array())
      out += "  " + cell(workspace, "slug") + "  " + cell(workspace, "role") + "  " + cell(workspace, "id") + "\n";
  return print(out + "  at " + client.url() + "\n");
}

Result<int> admin_bootstrap(const Invocation& in) {
  TRY(auto client, ApiClient::make(in, false));
  TRY(auto secret, password(in));
  json::Value::Object body{{"login", in.text("LOGIN")}, {"password", std::move(secret)}};
  for (const auto& [flag, member] :
       {std::pair{"--display-name", "display_name"}, {"--workspace-name", "workspace_name"}, {"--workspace-slug", "workspace_slug"}})
    if (const auto value = in.optional(flag)) body.emplace_back(member, *value);
  TRY(const auto reply, client.post("/v1/bootstrap", body));
  const auto* workspace = reply.body.find("workspace");
  return keep(in, client, reply.body, workspace == nullptr ? std::string() : workspace->text("id"));
}

}  // namespace dossier::cli
