// The server as the command line sees it: JSON out, JSON in, a problem document is an Error, and what may be sent again is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/cli/command.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/json/json.hpp"

namespace dossier::cli {

struct Reply {
  int status = 0;
  json::Value body;  // null where there is none
  http_client::Headers headers;
};

// One thread per object.
class ApiClient {
 public:
  static constexpr int kMaxAttempts = 8;
  static constexpr std::int64_t kMaxPauseMs = 4'000;  // so a command gives up after about 20 s of 503
  static constexpr int kMaxBroken = 3;                // of the attempts: no connection, or one that broke
  using Sleep = std::function<void(std::int64_t ms)>;

  // Of --url and --token; unauthenticated: no token is known and `needs_token`.
  static Result<ApiClient> make(const Invocation& invocation, bool needs_token = true);
  ApiClient(http_client::Client client, std::string url, Sleep sleep);

  // A target is a path with its query, parts percent-encoded by segment(). 429, 503 and 202 are tried again after what
  // Retry-After says: a POST, PATCH or DELETE carries the same Idempotency-Key each time, so it takes effect once.
  Result<Reply> get(const std::string& target);
  Result<Reply> post(const std::string& target, const json::Value& body, std::string key = {});
  Result<Reply> patch(const std::string& target, const json::Value& body, std::string key = {});
  Result<Reply> remove(const std::string& target);

  // The items of a list up to `limit`, page by page, as one list; next_cursor is null once there are no more.
  Result<json::Value> list(const std::string& target, std::int64_t limit, const std::string& cursor = {});

  // --workspace as an id: an id stays, a slug is looked up, nothing means the only one.
  Result<std::string> workspace(const Invocation& invocation);
  // An issue's id: an id stays, a number ("12", "#12") is looked up in the workspace.
  Result<std::string> issue(const Invocation& invocation, const std::string& reference);

  http_client::Client& http() { return client_; }
  const std::string& url() const { return url_; }

 private:
  Result<Reply> send(std::string_view method, const std::string& target, const json::Value* body, std::string key);

  http_client::Client client_;
  std::string url_;
  Sleep sleep_;
};

// The Error of a reply that is no success: by the problem's code, else by the status.
Error problem_of(int status, const json::Value& body);
// Percent-encodes everything that may not stand in one segment of a path or one value of a query.
std::string segment(std::string_view text);

}  // namespace dossier::cli
