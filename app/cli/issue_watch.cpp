// dossier issue watch: follows an issue's events, and what its agents say, live. One thread reads the workspace's events; each
// session has a thread that reads its activity until the session ends.
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/output.hpp"
#include "app/cli/watch.hpp"

namespace dossier::cli {
namespace {

constexpr std::int64_t kSilenceMs = 60'000;  // the server sends a comment more often than this
constexpr int kMaxReconnects = 10;           // in a row, without an event between them
constexpr std::size_t kMaxSessions = 8;      // followed at once; the rest are read when they end
constexpr std::int64_t kPauseMs = 500;

// Printed from several threads, a whole item at a time.
class Printer {
 public:
  explicit Printer(bool json) : json_(json) {}
  void event(const json::Value& event) { put(json_ ? json::write(event) + "\n" : event_text(event)); }
  void activity(const std::string& session, const json::Value& item) {
    if (json_)
      put(json::write(json::Value::Object{{"type", "activity"}, {"session_id", session}, {"item", item}}) + "\n");
    else
      put(activity_text(item));
  }
  bool broken() {
    std::lock_guard lock(mutex_);
    return broken_;
  }

 private:
  void put(const std::string& text) {
    std::lock_guard lock(mutex_);
    if (!text.empty() && print(text) != kOk) broken_ = true;
  }
  const bool json_;
  std::mutex mutex_;
  bool broken_ = false;
};

// Follows one session's activity on a thread of its own, from the beginning, without a gap over reconnects.
class SessionFollower {
 public:
  SessionFollower(ApiClient client, std::string session, Printer& printer)
      : client_(std::move(client)), session_(std::move(session)), printer_(printer), thread_([this] { follow(); }) {}
  ~SessionFollower() {
    if (thread_.joinable()) finish();
  }
  SessionFollower(const SessionFollower&) = delete;
  SessionFollower& operator=(const SessionFollower&) = delete;

  // Ends the thread; the cursor up to which all was printed.
  std::string finish() {
    client_.http().interrupt();
    thread_.join();
    return cursor_;
  }

 private:
  void follow() {
    for (int failures = 0; failures < kMaxReconnects; ++failures) {
      http_client::Headers headers;
      if (!cursor_.empty()) headers.emplace_back("last-event-id", cursor_);
      const auto ended = client_.http().events("/v1/sessions/" + segment(session_) + "/activity", headers, kSilenceMs, [&](const auto& event) {
        if (!event.id.empty()) cursor_ = event.id;
        if (auto item = json::parse(event.data)) printer_.activity(session_, *item);
        failures = 0;
        return !printer_.broken();
      });
      if (ended || ended.error().code == Code::shutting_down) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
    }
  }

  ApiClient client_;
  const std::string session_;
  Printer& printer_;
  std::string cursor_;  // of the thread until it is joined
  std::thread thread_;
};

class Watch {
 public:
  Watch(const Invocation& in, ApiClient client, std::string workspace, std::string issue)
      : in_(in),
        client_(std::move(client)),
        workspace_(std::move(workspace)),
        issue_(std::move(issue)),
        printer_(in.json()),
        with_activity_(!in.flag("--no-activity")),
        until_ended_(in.flag("--until-ended")) {}

  Result<int> run() {
    if (const auto after = in_.optional("--after")) last_id_ = *after;
    for (int failures = 0;; ++failures) {
      http_client::Headers headers;
      if (!last_id_.empty()) headers.emplace_back("last-event-id", last_id_);
      auto ended = client_.http().events("/v1/workspaces/" + segment(workspace_) + "/events", headers, kSilenceMs, [&](const auto& event) {
        failures = 0;
        if (!event.id.empty()) last_id_ = event.id;
        if (auto commit = json::parse(event.data)) on_commit(*commit);
        return !done_ && !printer_.broken();
      });
      if (ended && ended->status != 200) {
        auto body = json::parse(ended->body);
        const Error problem = problem_of(ended->status, body ? *body : json::Value());
        if (!is_transient(problem.code) || failures >= kMaxReconnects) return problem;
      } else if (ended) {
        return done_ ? kOk : kFailed;
      } else if (failures >= kMaxReconnects) {
        return std::move(ended).error();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
    }
  }

 private:
  void on_commit(const json::Value& commit) {
    for (const auto& event : events_of_issue(commit, issue_)) {
      const std::string type = event.text("type");
      const std::string stream = event.text("stream");
      const std::string session = stream.substr(stream.find('/') + 1);
      // What an agent said last belongs before the end of its session.
      if (type == "session_ended" && with_activity_) finish_session(session);
      printer_.event(event);
      if (type == "session_started" && with_activity_) follow(session);
      if (type == "session_ended" && until_ended_) done_ = true;
    }
  }

  void follow(const std::string& session) {
    if (sessions_.size() >= kMaxSessions || sessions_.count(session) > 0) return;
    auto client = ApiClient::make(in_);
    if (client) sessions_[session] = std::make_unique<SessionFollower>(std::move(*client), session, printer_);
  }

  void finish_session(const std::string& session) {
    std::string cursor;
    if (const auto found = sessions_.find(session); found != sessions_.end()) {
      cursor = found->second->finish();
      sessions_.erase(found);
    }
    for (bool more = true; more && !printer_.broken();) {
      auto page = client_page("/v1/sessions/" + segment(session) + "/activity?limit=200" + (cursor.empty() ? "" : "&after=" + segment(cursor)));
      const auto* items = page ? page->body.find("items") : nullptr;
      more = items != nullptr && items->array() != nullptr && !items->array()->empty();
      if (!more) break;
      for (const auto& item : *items->array()) printer_.activity(session, item);
      const std::string next = page->body.text("next_cursor");
      more = !next.empty() && next != cursor;
      cursor = next;
    }
  }

  // On a connection of its own: the first one is in the middle of the stream of events.
  Result<Reply> client_page(const std::string& target) {
    if (!pages_) {
      TRY(auto client, ApiClient::make(in_));
      pages_ = std::make_unique<ApiClient>(std::move(client));
    }
    return pages_->get(target);
  }

  const Invocation& in_;
  ApiClient client_;
  std::unique_ptr<ApiClient> pages_;
  const std::string workspace_;
  const std::string issue_;
  Printer printer_;
  const bool with_activity_;
  const bool until_ended_;
  std::string last_id_;
  bool done_ = false;
  std::map<std::string, std::unique_ptr<SessionFollower>> sessions_;
};

}  // namespace

Result<int> issue_watch(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(auto issue, client.issue(in, in.text("ISSUE")));
  TRY(const auto shown, client.get("/v1/issues/" + segment(issue)));
  // The issue says which workspace it is in, whatever the profile says.
  return Watch(in, std::move(client), shown.body.text("workspace_id"), std::move(issue)).run();
}

}  // namespace dossier::cli
