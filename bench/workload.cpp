// Loads for servers and logs.
#include "bench/workload.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "events/codec.hpp"
#include "events/limits.hpp"
#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::bench {
namespace {

std::string hex_id(std::string_view prefix, std::uint64_t a, std::uint64_t b) {
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
  return std::string(prefix) + "_" + digits;
}

// Makes the commits of one workspace, one after another.
class Author {
 public:
  Author(std::uint64_t number, std::int64_t now_us) : number_(number), now_us_(now_us), workspace_(hex_id("ws", 0xbe, number)) {}
  const std::string& workspace() const { return workspace_; }

  v1::Commit open_issue() {
    issue_ = hex_id("iss", number_, ++ids_);
    v1::Commit commit = next();
    v1::EventPayload payload;
    auto& opened = *payload.mutable_issue()->mutable_issue_opened();
    opened.set_issue_id(issue_);
    opened.mutable_title()->set_plain("Issue " + std::to_string(ids_) + " of a long log");
    opened.set_status(v1::OPEN);
    add(commit, events::issue_stream(IssueId(issue_)), payload);
    payload.mutable_issue_numbers()->mutable_issue_numbered()->set_issue_id(issue_);
    add(commit, events::issue_numbers_stream(WorkspaceId(workspace_)), payload);
    return commit;
  }
  v1::Commit comment() {
    const std::string id = hex_id("cmt", number_, ++ids_);
    v1::Commit commit = next();
    v1::EventPayload payload;
    auto& added = *payload.mutable_comment()->mutable_comment_added();
    added.set_comment_id(id);
    added.set_issue_id(issue_);
    added.mutable_body()->set_plain("Comment " + std::to_string(ids_) + ": the build fails on the second machine, see the log above.");
    expect(commit, events::comment_stream(CommentId(id)), 0);
    add(commit, events::comment_stream(CommentId(id)), payload);
    return commit;
  }
  // Session and task: queued, offered, claimed, started, completed; nine events in five commits.
  std::vector<v1::Commit> task() {
    const SessionId session(hex_id("ses", number_, ++ids_));
    const TaskId task(hex_id("tsk", number_, ids_));
    const std::string worker = hex_id("wkr", number_, 1);
    std::vector<v1::Commit> commits;
    v1::EventPayload payload;
    commits.push_back(next());
    auto& requested = *payload.mutable_session()->mutable_session_requested();
    requested.set_session_id(session.str());
    requested.set_issue_id(issue_);
    requested.set_agent_name("fixer");
    add(commits.back(), events::session_stream(session), payload);
    auto& queued = *payload.mutable_task()->mutable_task_queued();
    queued.set_task_id(task.str());
    queued.set_kind("agent");
    queued.set_session_id(session.str());
    queued.set_pool(workspace_);
    queued.mutable_spec()->set_issue_id(issue_);
    queued.mutable_spec()->set_provider("command");
    queued.mutable_spec()->mutable_prompt()->set_plain("Fix the build.");
    add(commits.back(), events::task_stream(task), payload);
    const auto step = [&](const auto& fill) {
      commits.push_back(next());
      expect(commits.back(), events::task_stream(task), commits.size() - 1);
      payload.Clear();
      fill();
      add(commits.back(), events::task_stream(task), payload);
    };
    step([&] {
      payload.mutable_task()->mutable_task_offered()->set_offer(1);
      payload.mutable_task()->mutable_task_offered()->set_worker_id(worker);
    });
    step([&] {
      payload.mutable_task()->mutable_task_claimed()->set_offer(1);
      payload.mutable_task()->mutable_task_claimed()->set_attempt(1);
      payload.mutable_task()->mutable_task_claimed()->set_worker_id(worker);
    });
    step([&] { payload.mutable_task()->mutable_task_started()->set_offer(1); });
    payload.Clear();
    payload.mutable_session()->mutable_session_started()->set_worker_id(worker);
    add(commits.back(), events::session_stream(session), payload);
    step([&] {
      payload.mutable_task()->mutable_task_completed()->set_offer(1);
      payload.mutable_task()->mutable_task_completed()->mutable_result()->set_plain("done");
    });
    payload.Clear();
    payload.mutable_session()->mutable_session_ended()->set_outcome("completed");
    add(commits.back(), events::session_stream(session), payload);
    return commits;
  }
  const std::string& issue() const { return issue_; }

 private:
  v1::Commit next() {
    v1::Commit commit;
    commit.set_commit_id(hex_id("cmm", number_, ++commits_));
    commit.set_workspace_id(workspace_);
    commit.set_history(1);
    commit.mutable_actor()->set_kind(v1::Actor::USER);
    commit.mutable_actor()->set_id(hex_id("usr", 1, 1));
    commit.set_request_fingerprint(std::string(32, 'f'));
    commit.set_recorded_at_us(now_us_ += 1'000);
    return commit;
  }
  static void expect(v1::Commit& commit, const std::string& stream, std::uint64_t version) {
    commit.add_expects()->set_stream(stream);
    commit.mutable_expects(commit.expects_size() - 1)->set_version(version);
  }
  void add(v1::Commit& commit, const std::string& stream, const v1::EventPayload& payload) const {
    *commit.add_events() = events::make_event(stream, issue_, payload);
  }

  std::uint64_t number_;
  std::int64_t now_us_;
  std::string workspace_;
  std::string issue_;
  std::uint64_t ids_ = 0;
  std::uint64_t commits_ = 0;
};

// Appends with a bounded window; remembers a failure.
class Appender {
 public:
  Appender(topic::Writer& writer, std::string topic, std::int32_t partitions) : writer_(writer), topic_(std::move(topic)), partitions_(partitions) {}
  Status append(v1::Commit commit, WrittenBacklog& written) {
    while (open_.load() >= 15'000 && !failed_.load()) std::this_thread::yield();
    if (failed_.load()) return make_error(Code::log_unavailable, "the broker did not take a record of the backlog");
    written.events += commit.events_size();
    written.records += 1;
    const std::int32_t partition = events::partition_of(commit.workspace_id(), partitions_);
    const std::string key = commit.workspace_id();
    open_.fetch_add(1);
    writer_.append({topic_, partition, key, events::encode(events::make_record(std::move(commit))), {}}, [this](const topic::Appended& appended) {
      if (appended.outcome != topic::Outcome::acknowledged) failed_.store(true);
      open_.fetch_sub(1);
    });
    return {};
  }
  Status finish() {
    if (!writer_.flush(120'000) || failed_.load()) return make_error(Code::log_unavailable, "the broker did not acknowledge the backlog");
    return {};
  }

 private:
  topic::Writer& writer_;
  std::string topic_;
  std::int32_t partitions_;
  std::atomic<std::int64_t> open_{0};
  std::atomic<bool> failed_{false};
};

std::uint16_t port_of(const std::string& url) { return static_cast<std::uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1)); }

}  // namespace

Measurement measurement(std::string name, std::string unit, bool lower_is_better, std::optional<double> goal) {
  Measurement made;
  made.name = std::move(name);
  made.unit = std::move(unit);
  made.lower_is_better = lower_is_better;
  made.goal = goal;
  return made;
}

double median_of(std::vector<double> values) { return percentile(values, 0.5); }

Result<HttpLoadResult> load_server(const test::Installation& installation, int connections, std::int64_t requests,
                                   std::function<std::string(std::int64_t)> make_request) {
  HttpLoad load;
  load.port = port_of(installation.url());
  load.connections = connections;
  load.requests = requests;
  load.make_request = std::move(make_request);
  TRY(HttpLoadResult result, run_load(load));
  if (result.refused > 0)
    return make_error(Code::io, std::to_string(result.refused) + " requests were refused, the first with: " + result.first_refusal);
  return result;
}

Result<WrittenBacklog> write_backlog(const test::Installation& installation, const Backlog& backlog) {
  TRY(const auto cluster, kafka::load_cluster({}, installation.clusters().server_kafka_properties));
  TRY(const auto writer, kafka::make_writer(cluster, kafka::WriterKind::commits));
  Appender appender(*writer, events::Topics{installation.prefix()}.events(), backlog.partitions);
  WrittenBacklog written;
  std::vector<Author> authors;
  for (int n = 0; n < backlog.workspaces; ++n) {
    authors.emplace_back(static_cast<std::uint64_t>(n), 1'800'000'000'000'000);
    written.workspaces.push_back(authors.back().workspace());
    TRY_STATUS(appender.append(authors.back().open_issue(), written));
  }
  if (backlog.long_issue_events > 0) {
    written.long_issue = authors.front().issue();
    while (written.events < backlog.long_issue_events) TRY_STATUS(appender.append(authors.front().comment(), written));
    TRY_STATUS(appender.append(authors.front().open_issue(), written));
  }
  for (std::int64_t turn = 0; written.events < backlog.events; ++turn) {
    Author& author = authors[static_cast<std::size_t>(turn) % authors.size()];
    const auto step = (turn / static_cast<std::int64_t>(authors.size())) % 10;
    if (step == 0) {
      TRY_STATUS(appender.append(author.open_issue(), written));
    } else if (step % 5 == 4) {
      for (auto& commit : author.task()) TRY_STATUS(appender.append(std::move(commit), written));
    } else {
      TRY_STATUS(appender.append(author.comment(), written));
    }
  }
  TRY_STATUS(appender.finish());
  return written;
}

Result<double> project_backlog(test::Installation& installation, const Backlog& backlog, const WrittenBacklog& written, int projectors) {
  using SteadyClock = std::chrono::steady_clock;
  const std::int64_t target = written.records + backlog.partitions;  // and a Genesis in each partition
  for (int number = 0; number < projectors; ++number) installation.launch_server(number, {{"DOSSIER_ROLES", "projector"}});
  const auto deadline = SteadyClock::now() + std::chrono::minutes(30);
  std::int64_t applied = 0, counted_from = 0;
  SteadyClock::time_point began;
  while (applied < target && SteadyClock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(counted_from == 0 ? 20 : 100));
    TRY(applied, applied_records(installation));
    if (counted_from > 0 || applied < target / 20) continue;
    counted_from = applied;
    began = SteadyClock::now();
  }
  if (applied < target) return make_error(Code::timeout, "the backlog was not projected in half an hour:\n" + installation.logs());
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
  const double events_a_record = static_cast<double>(written.events) / static_cast<double>(written.records);
  return static_cast<double>(target - counted_from) * events_a_record / seconds;
}

Result<std::int64_t> applied_records(const test::Installation& installation) {
  postgres::PoolOptions options;
  options.connection.url = installation.database_url();
  options.size = 1;
  postgres::Pool pool(options);
  TRY(const auto rows, pool.read_one("SELECT coalesce(sum(next_offset), 0)::bigint FROM positions"));
  return rows.front().int64(0);
}

}  // namespace dossier::bench
