// Reading the stream, and reading on.
#include "tests/robustness/follower.hpp"

#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kSilenceMs = 15'000;  // heartbeats come more often
constexpr std::int64_t kAgainMs = 100;

}  // namespace

Follower::Follower(std::string name, std::vector<std::string> urls, const std::string& token, std::string workspace, Recorder& recorder)
    : name_(std::move(name)), workspace_(std::move(workspace)), recorder_(recorder) {
  for (const auto& url : urls) servers_.push_back(std::make_unique<Api>(url, token));
  thread_ = std::thread([this] { run(); });
}

Follower::~Follower() {
  stop_ = true;
  for (auto& server : servers_) server->client().interrupt();
  thread_.join();
}

void Follower::run() {
  for (std::size_t turn = 0; !stop_; ++turn) {
    Api& server = *servers_[turn % servers_.size()];
    const http_client::Headers headers{{"last-event-id", "1-" + std::to_string(last_seq_.load())}};
    const auto ended = server.client().events("/v1/workspaces/" + workspace_ + "/events", headers, kSilenceMs,
                                              [this](const http_client::ServerEvent& event) { return event.id.empty() || take(event.id); });
    if (ended && ended->status != 200 && ended->status != 503)
      recorder_.fault(name_ + " was refused the stream with " + std::to_string(ended->status) + " " + ended->body);
    eventually(kAgainMs, [this] { return stop_.load(); });
  }
}

bool Follower::take(const std::string& id) {
  const std::string expected = "1-" + std::to_string(last_seq_ + 1);
  if (id != expected) {
    recorder_.fault(name_ + " was sent " + id + " where " + expected + " was next");
    return false;
  }
  ++last_seq_;
  return !stop_;
}

}  // namespace dossier::test
