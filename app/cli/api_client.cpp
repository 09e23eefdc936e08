// Requests, retries and problems.
#include "app/cli/api_client.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "app/cli/exit_codes.hpp"
#include "base/ids.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::cli {
namespace {

constexpr std::int64_t kPage = 200;
constexpr std::int64_t kMaxIssuesSearched = 10'000;

Code code_of_status(int status) {
  switch (status) {
    case 401: return Code::unauthenticated;
    case 403: return Code::forbidden;
    case 404: return Code::not_found;
    case 405: return Code::method_not_allowed;
    case 409: return Code::conflict;
    case 412: return Code::precondition_failed;
    case 413: return Code::payload_too_large;
    case 415: return Code::unsupported_media_type;
    case 429: return Code::too_many_requests;
    case 503: return Code::overloaded;
    default: return status >= 400 && status < 500 ? Code::invalid_field : Code::internal;
  }
}

// Whole seconds, as our server sends them; 0: none.
std::int64_t retry_after_ms(const http_client::Response& response) {
  const std::string text = response.header("retry-after");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc{} && seconds > 0 && seconds < 3'600 ? seconds * 1'000 : 0;
}

}  // namespace

Error problem_of(int status, const json::Value& body) {
  Error error;
  const std::string code = body.text("code");
  error.code = code.empty() ? code_of_status(status) : code_of(code);
  if (error.code == Code::internal && status < 500) error.code = code_of_status(status);
  error.message = body.text("detail");
  if (error.message.empty()) error.message = body.text("title");
  if (error.message.empty()) error.message = "the server answered with status " + std::to_string(status);
  error.field = body.text("field");
  return error;
}

std::string segment(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

ApiClient::ApiClient(http_client::Client client, std::string url, Sleep sleep)
    : client_(std::move(client)), url_(std::move(url)), sleep_(std::move(sleep)) {}

Result<ApiClient> ApiClient::make(const Invocation& invocation, bool needs_token) {
  const std::string url = invocation.text("--url"), token = invocation.text("--token");
  if (needs_token && token.empty())
    return make_error(Code::unauthenticated, "no token for " + url + " (--token, $DOSSIER_TOKEN, or \"token\" in " +
                                                 (invocation.profile_file.empty() ? "a profile" : invocation.profile_file) + ")");
  http_client::Options options;
  options.base_url = url;
  options.bearer_token = token;
  options.user_agent = "dossier-cli";
  auto client = http_client::Client::make(std::move(options));
  if (!client) return make_error(Code::usage, client.error().field == "base_url" ? "--url: " + client.error().message : client.error().message);
  return ApiClient(std::move(*client), url, [](std::int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); });
}

Result<Reply> ApiClient::send(std::string_view method, const std::string& target, const json::Value* body, std::string key) {
  http_client::Headers headers{{"accept", "application/json"}};
  std::string bytes;
  if (body != nullptr) {
    headers.emplace_back("content-type", "application/json");
    bytes = json::write(*body);
  }
  if (method != "GET") headers.emplace_back("idempotency-key", key.empty() ? "cli-" + crypto::random_uuid_hex() : std::move(key));
  int broken = 0;
  for (int attempt = 1;; ++attempt) {
    auto response = client_.request(method, target, bytes, headers, true);
    std::int64_t pause_ms = std::min(kMaxPauseMs, std::int64_t{100} << std::min(attempt, 10));
    if (!response) {
      if (response.error().code == Code::io && ++broken < kMaxBroken && attempt < kMaxAttempts) {
        sleep_(pause_ms);
        continue;
      }
      Error failed = std::move(response).error();
      if (failed.code == Code::io)
        failed.message = "the server at " + url_ + " can't be reached (" + failed.message + "): start it with ./dev up, or set DOSSIER_URL";
      return failed;
    }
    Reply reply{response->status, {}, std::move(response->headers)};
    if (!response->body.empty()) {
      auto parsed = json::parse(response->body);
      if (!parsed && response->status < 400)
        return make_error(Code::io, url_ + " answered with something that is no JSON: is this a dossier server?");
      if (parsed) reply.body = std::move(*parsed);
    }
    const bool again = reply.status == 503 || reply.status == 429 || (reply.status == 202 && method != "GET");
    if (again && attempt < kMaxAttempts) {
      http_client::Response head{reply.status, reply.headers, {}};
      if (const auto asked_ms = retry_after_ms(head); asked_ms > 0) pause_ms = std::min(kMaxPauseMs, asked_ms);
      sleep_(pause_ms);
      continue;
    }
    if (reply.status == 202 && method != "GET") return make_error(Code::undecided, "the server has recorded the request and not decided it yet");
    if (reply.status < 200 || reply.status > 299) return problem_of(reply.status, reply.body);
    return reply;
  }
}

Result<Reply> ApiClient::get(const std::string& target) { return send("GET", target, nullptr, {}); }
Result<Reply> ApiClient::post(const std::string& target, const json::Value& body, std::string key) {
  return send("POST", target, &body, std::move(key));
}
Result<Reply> ApiClient::patch(const std::string& target, const json::Value& body, std::string key) {
  return send("PATCH", target, &body, std::move(key));
}
Result<Reply> ApiClient::remove(const std::string& target) { return send("DELETE", target, nullptr, {}); }

Result<json::Value> ApiClient::list(const std::string& target, std::int64_t limit, const std::string& first_cursor) {
  json::Value::Array items;
  json::Value cursor = first_cursor.empty() ? json::Value() : json::Value(first_cursor);
  std::int64_t seq = 0;
  do {
    std::string page = target + (target.find('?') == std::string::npos ? "?" : "&") +
                       "limit=" + std::to_string(std::min(kPage, limit - static_cast<std::int64_t>(items.size())));
    if (cursor.string() != nullptr) page += "&cursor=" + segment(*cursor.string());
    TRY(const auto reply, get(page));
    const auto* found = reply.body.find("items");
    if (found == nullptr || found->array() == nullptr) return make_error(Code::io, url_ + " answered without items: is this a dossier server?");
    items.insert(items.end(), found->array()->begin(), found->array()->end());
    const auto* next = reply.body.find("next_cursor");
    cursor = next == nullptr ? json::Value() : *next;
    seq = reply.body.integer_or("seq", seq);
    if (found->array()->empty()) break;
  } while (cursor.string() != nullptr && static_cast<std::int64_t>(items.size()) < limit);
  return json::Value(json::Value::Object{{"items", std::move(items)}, {"next_cursor", cursor}, {"seq", seq}});
}

Result<std::string> ApiClient::workspace(const Invocation& invocation) {
  const std::string wanted = invocation.text("--workspace");
  if (WorkspaceIdTag::valid(wanted)) return wanted;
  TRY(const auto me, get("/v1/me"));
  const auto* workspaces = me.body.find("workspaces");
  std::string slugs;
  std::vector<std::string> ids;
  if (workspaces != nullptr && workspaces->array() != nullptr)
    for (const auto& workspace : *workspaces->array()) {
      if (!wanted.empty() && workspace.text("slug") == wanted) return workspace.text("id");
      slugs += (slugs.empty() ? "" : ", ") + workspace.text("slug");
      ids.push_back(workspace.text("id"));
    }
  if (!wanted.empty()) return make_error(Code::not_found, "there is no workspace '" + wanted + "' (yours: " + (slugs.empty() ? "none" : slugs) + ")");
  if (ids.size() == 1) return ids[0];
  return make_error(Code::usage, ids.empty() ? "you are in no workspace: make one with dossier workspace create"
                                             : "which workspace (--workspace, $DOSSIER_WORKSPACE)? Yours: " + slugs);
}

Result<std::string> ApiClient::issue(const Invocation& invocation, const std::string& reference) {
  if (is_id(reference, IssueId::prefix())) return reference;
  const std::string digits = reference.substr(reference.empty() || reference[0] != '#' ? 0 : 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || number < 1)
    return make_error(Code::usage, "'" + reference + "' is neither an issue's id (iss_…) nor its number");
  TRY(const auto workspace_id, workspace(invocation));
  std::string cursor;
  for (std::int64_t searched = 0; searched < kMaxIssuesSearched; searched += kPage) {
    TRY(const auto page, list("/v1/workspaces/" + segment(workspace_id) + "/issues", kPage, cursor));
    for (const auto& item : *page.find("items")->array())
      if (item.integer_or("number", 0) == number) return item.text("id");
    cursor = page.text("next_cursor");
    if (cursor.empty()) break;
  }
  return make_error(Code::not_found, "there is no issue #" + digits + " in this workspace; see: dossier issue list");
}

}  // namespace dossier::cli
