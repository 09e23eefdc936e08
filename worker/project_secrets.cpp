// Asking, reading, trying again.
#include "worker/project_secrets.hpp"

#include <algorithm>
#include <utility>

#include "platform/json/json.hpp"
#include "worker/registration.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kRequestMs = 10'000;
constexpr std::size_t kMaxReplyBytes = 2u << 20;
constexpr int kInternalError = 500;

Error unreadable() {
  return make_error(Code::invalid_field, "the server's answer about the project's secrets can't be read; is it of this version?");
}

Status read_one(const json::Value& item, ProjectSecrets& secrets) {
  const json::Value* value = item.find("value");
  if (value == nullptr || value->object() == nullptr) return unreadable();
  const std::string kind = item.text("kind");
  // A kind of a newer server: what it is for is unknown here, and it is masked all the same.
  for (const auto& [name, member] : *value->object())
    if (const std::string* text = member.string(); text != nullptr && name != "username" && name != "host_key" && !text->empty())
      secrets.values.push_back(*text);
  if (kind == "git_https") {
    secrets.https.username = value->text("username");
    secrets.https.password = value->text("password");
  } else if (kind == "git_ssh") {
    secrets.ssh.ssh_key = value->text("private_key");
    secrets.ssh.ssh_passphrase = value->text("passphrase");
    secrets.ssh.ssh_host_key = value->text("host_key");
  }
  return {};
}

}  // namespace

git::Credentials credentials_for(const ProjectSecrets& secrets, const v1::ProjectSource& source) {
  const std::string& url = source.git_url();
  if (url.starts_with("https://") || url.starts_with("http://")) return secrets.https;
  if (url.starts_with("ssh://") || (!url.empty() && url.find("://") == std::string::npos && url.front() != '/')) return secrets.ssh;
  return {};
}

Result<ProjectSecrets> read_project_secrets(std::string_view body) {
  const auto reply = json::parse(body);
  if (!reply) return unreadable();
  const json::Value* listed = reply->find("secrets");
  if (listed == nullptr || listed->array() == nullptr) return unreadable();
  ProjectSecrets secrets;
  for (const json::Value& item : *listed->array()) TRY_STATUS(read_one(item, secrets));
  return secrets;
}

Result<ProjectSecrets> get_project_secrets(const http_client::Options& api, const std::string& worker_id, const std::string& project_id) {
  http_client::Options options = api;
  options.request_timeout_ms = kRequestMs;
  options.max_response_bytes = kMaxReplyBytes;
  TRY(http_client::Client client, http_client::Client::make(std::move(options)));
  TRY(const auto response, client.request("GET", "/v1/projects/" + project_id + "/secrets/values", {}, {{"dossier-worker", worker_id}}));
  if (response.status == 200) return read_project_secrets(response.body);
  Error error = error_of_reply(response);
  if (response.status == kInternalError) error.code = Code::internal;  // a value that can't be opened stays so
  return error;
}

Result<ProjectSecrets> get_until(const std::function<Result<ProjectSecrets>()>& get, const git::ShouldStop& should_stop,
                                 const std::function<void(std::int64_t ms)>& pause) {
  for (std::int64_t pause_ms = kSecretsFirstPauseMs;; pause_ms = std::min(pause_ms * 2, kSecretsMaxPauseMs)) {
    auto secrets = get();
    if (secrets) return secrets;
    Error error = secrets.error();
    error.message = "can't get the project's secrets: " + error.message;
    if ((!is_transient(error.code) && error.code != Code::io) || should_stop()) return error;
    pause(pause_ms);
    if (should_stop()) return error;
  }
}

}  // namespace dossier::worker
