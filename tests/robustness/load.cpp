// What clients ask for, and what they make of the answers.
#include "tests/robustness/load.hpp"

#include "base/ids.hpp"
#include "events/names.hpp"
#include "platform/crypto/crypto.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr std::size_t kRememberedThings = 200;  // of the latest: so that several clients meet at the same ones
constexpr std::int64_t kAgainMs = 150;          // between two attempts

std::int64_t between(std::mt19937_64& random, std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
}

// The answer says by its Location that a record may be on its way.
bool leaves_open(const Reply& reply) { return reply.status == 0 || reply.status == 202 || !reply.header("location").empty(); }
bool to_be_repeated(const Reply& reply) {
  return reply.status == 0 || reply.status == 202 || reply.status == 429 || reply.status == 503 || reply.status == 504;
}

}  // namespace

// One client, on a thread of its own.
class Load::Client {
 public:
  Client(Load& load, int number, std::uint64_t seed) : load_(load), name_("client-" + std::to_string(number)), random_(seed) {
    for (const auto& url : load.place_.urls) servers_.push_back(std::make_unique<Api>(url, load.place_.token));
  }

  void run() {
    while (!load_.finishing_ && !load_.stop_) {
      Command command = think();
      ask(command);
      pause(between(random_, 0, 2 * load_.pause_ms_));
    }
  }

 private:
  void pause(std::int64_t ms) const {
    eventually(ms, [this] { return load_.stop_.load(); });
  }

  Command think() {
    Command command;
    const auto throw_of = between(random_, 0, 19);
    const std::string issue = load_.pick_issue(random_);
    const std::string task = load_.pick_task(random_);
    const LoadPlace& place = load_.place_;
    if (issue.empty() || throw_of < 4) {
      command.kind = Kind::open;
      command.route = "POST /v1/workspaces/{ws}/issues";
      command.target = "/v1/workspaces/" + place.workspace + "/issues";
      json::Value::Object body{{"title", "By " + name_}};
      if (!place.project.empty()) body.emplace_back("project_id", place.project);
      command.body = body;
    } else if (throw_of < 15) {
      const bool asks = !place.project.empty() && throw_of < 8;
      command.kind = asks ? Kind::ask : Kind::comment;
      command.route = "POST /v1/issues/{id}/comments";
      command.target = "/v1/issues/" + issue + "/comments";
      command.body = object({{"body", asks ? "@" + place.agent + " please" : "A word of " + name_}});
      command.relies_on = issue;
    } else if (throw_of < 18 || task.empty()) {
      static const std::vector<std::string> kStatuses = {"open", "needs_review", "ready_for_test"};
      command.kind = Kind::edit;
      command.route = "PATCH /v1/issues/{id}";
      command.method = "PATCH";
      command.target = "/v1/issues/" + issue;
      command.body = object({{"status", kStatuses[static_cast<std::size_t>(between(random_, 0, 2))]}});
      command.relies_on = issue;
    } else {
      command.kind = Kind::cancel;
      command.route = "POST /v1/tasks/{id}/cancel";
      command.target = "/v1/tasks/" + task + "/cancel";
      command.body = object({{"reason", "changed my mind"}});
      command.relies_on = task;
    }
    const std::string key = crypto::random_uuid_hex();
    command.asked.what = command.method + " " + command.target;
    command.asked.commit_id = events::derive_commit_id(WorkspaceId(place.workspace), place.user, command.route, key).str();
    command.sent = {name_, 0, command.method, command.target, key, command.asked.commit_id};
    return command;
  }

  void ask(Command& command) {
    ++load_.busy_;
    bool final = false;
    while (!final && !load_.stop_) {
      final = attempt(command);
      if (!final) pause(kAgainMs + between(random_, 0, kAgainMs));
    }
    if (final) {
      load_.recorder_.settled(command.asked);
      if (command.asked.accepted) {
        load_.made(command);
        look(command);
        if (between(random_, 0, 19) == 0) repeat(command);
      }
      ++load_.settled_;
    }
    --load_.busy_;
  }

  Reply send(Command& command) {
    command.sent.server = static_cast<int>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1));
    const std::int64_t at_ms = load_.recorder_.now_ms();
    Reply reply = servers_[static_cast<std::size_t>(command.sent.server)]->send(command.method, command.target, json::write(command.body),
                                                                                {{"idempotency-key", command.sent.key}});
    load_.recorder_.answered(command.sent, at_ms, reply);
    return reply;
  }

  // True: that was the final answer.
  bool attempt(Command& command) {
    const Reply reply = send(command);
    AskedCommand& asked = command.asked;
    asked.ever_open = asked.ever_open || leaves_open(reply);
    if (to_be_repeated(reply)) return false;
    if (reply.status >= 500) {
      load_.recorder_.fault(asked.what + " was answered with " + std::to_string(reply.status) + " " + reply.raw);
      return false;
    }
    if (reply.status < 300) {
      asked.accepted = command.kind != Kind::edit && command.kind != Kind::cancel;  // those two may change nothing
      asked.seq = std::stoull("0" + reply.header("dossier-seq"));
      if (command.kind == Kind::ask) command.task = reply.text("task_id");  // none where it became a follow-up
      return true;
    }
    asked.refused = true;
    asked.refusal = reply.text("code");
    if (reply.status == 401 || reply.status == 403) load_.recorder_.fault(asked.what + " was answered with " + reply.raw);
    if (reply.status == 404 && !load_.recorder_.database_may_have_forgotten())
      load_.recorder_.fault(asked.what + ": " + command.relies_on + " was acknowledged, and is unknown to a later command");
    return true;
  }

  // What was acknowledged is visible to whoever asks for at least its seq, at every server.
  void look(const Command& command) {
    if (command.kind != Kind::open) return;
    const std::string id = events::derive_id<IssueId>(CommitId(command.asked.commit_id)).str();
    Sent sent{name_, static_cast<int>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1)),
              "GET", "/v1/issues/" + id + "?after=" + std::to_string(command.asked.seq),
              "",    ""};
    const std::int64_t at_ms = load_.recorder_.now_ms();
    const Reply reply = servers_[static_cast<std::size_t>(sent.server)]->get(sent.target);
    load_.recorder_.answered(sent, at_ms, reply);
    if (to_be_repeated(reply)) return;
    if (reply.status != 200 || reply.text("id") != id)
      load_.recorder_.fault(sent.target + " was answered with " + std::to_string(reply.status) + ", and it was acknowledged before");
    else if (std::stoull("0" + reply.header("dossier-seq")) < command.asked.seq)
      load_.recorder_.fault(sent.target + " was answered with seq " + reply.header("dossier-seq"));
  }

  // The same request once more: the same answer, and nothing happens twice.
  void repeat(Command& command) {
    const Reply reply = send(command);
    if (to_be_repeated(reply)) return;
    if (reply.status >= 300 || reply.header("dossier-seq") != std::to_string(command.asked.seq))
      load_.recorder_.fault(command.asked.what + " was accepted as " + std::to_string(command.asked.seq) + ", and its repetition answered with " +
                            std::to_string(reply.status) + " and seq " + reply.header("dossier-seq"));
  }

  Load& load_;
  const std::string name_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Api>> servers_;
};

Load::Load(LoadPlace place, Recorder& recorder, std::uint64_t seed, int clients, std::int64_t pause_ms)
    : place_(std::move(place)), recorder_(recorder), pause_ms_(pause_ms) {
  for (int number = 1; number <= clients; ++number)
    threads_.emplace_back([this, number, seed] { Client(*this, number, seed * 1'000 + static_cast<std::uint64_t>(number)).run(); });
}

Load::~Load() {
  stop_ = true;
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

bool Load::finish(std::int64_t deadline_ms) {
  finishing_ = true;
  const bool done = eventually(deadline_ms, [&] { return busy_ == 0; });
  stop_ = true;
  for (auto& thread : threads_) thread.join();
  return done;
}

std::string Load::pick_issue(std::mt19937_64& random) {
  const std::lock_guard lock(mutex_);
  return issues_.empty() ? std::string() : issues_[random() % issues_.size()];
}

std::string Load::pick_task(std::mt19937_64& random) {
  const std::lock_guard lock(mutex_);
  return tasks_.empty() ? std::string() : tasks_[random() % tasks_.size()];
}

void Load::made(const Command& command) {
  const CommitId commit(command.asked.commit_id);
  const std::lock_guard lock(mutex_);
  if (command.kind == Kind::open) issues_.push_back(events::derive_id<IssueId>(commit).str());
  if (!command.task.empty()) tasks_.push_back(command.task);
  if (issues_.size() > kRememberedThings) issues_.erase(issues_.begin());
  if (tasks_.size() > kRememberedThings) tasks_.erase(tasks_.begin());
}

}  // namespace dossier::test
