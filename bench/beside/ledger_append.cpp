// Conditional appends judged by the ledger alone: a commit that expects its stream's version goes to a topic which syncs
// before it acknowledges, and its writer goes on when the fold has read the record back and accepted it. No database.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "bench/beside/beside.hpp"
#include "events/codec.hpp"
#include "events/ledger.hpp"
#include "events/names.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/kafka/admin.hpp"
#include "tests/support/clusters.hpp"

namespace dossier::bench::beside {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::int64_t kPatienceMs = 30'000;

std::string hex_id(const char* prefix, std::int64_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "%s_%032llx", prefix, static_cast<unsigned long long>(number));
  return text;
}

// What writers wait for: the offset of their record, and what the fold said of it. Either may come first.
class Verdicts {
 public:
  void acknowledged(const topic::Appended& appended, std::size_t writer) {
    const std::lock_guard lock(mutex_);
    if (appended.outcome != topic::Outcome::acknowledged) return fail("the broker did not take a commit: " + appended.reason);
    writers_[appended.offset] = writer;
    settle(appended.offset);
  }
  void judged(std::int64_t offset, events::Verdict verdict) {
    const std::lock_guard lock(mutex_);
    verdicts_[offset] = verdict;
    settle(offset);
  }
  void fail(std::string reason) {
    failure_ = std::move(reason);
    changed_.notify_all();
  }
  void fail_from_outside(std::string reason) {
    const std::lock_guard lock(mutex_);
    fail(std::move(reason));
  }
  // The writers whose commit was accepted since the last call.
  Result<std::vector<std::size_t>> accepted() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [&] { return !accepted_.empty() || !failure_.empty(); }))
      return make_error(Code::timeout, "no verdict came within 30 s");
    if (!failure_.empty()) return make_error(Code::io, failure_);
    return std::exchange(accepted_, {});
  }

 private:
  void settle(std::int64_t offset) {
    const auto writer = writers_.find(offset);
    const auto verdict = verdicts_.find(offset);
    if (writer == writers_.end() || verdict == verdicts_.end()) return;
    if (verdict->second != events::Verdict::accepted) return fail("a commit was not accepted: " + std::string(to_string(verdict->second)));
    accepted_.push_back(writer->second);
    writers_.erase(writer);
    verdicts_.erase(verdict);
    changed_.notify_one();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, std::size_t> writers_;
  std::map<std::int64_t, events::Verdict> verdicts_;
  std::vector<std::size_t> accepted_;
  std::string failure_;
};

class LedgerLog {
 public:
  static Result<std::unique_ptr<LedgerLog>> make() {
    std::unique_ptr<LedgerLog> log(new LedgerLog);
    TRY(log->cluster_, kafka::load_cluster({}, test::Clusters::shared().kafka_properties));
    TRY(log->admin_, kafka::Admin::make(log->cluster_));
    kafka::TopicSpec spec;
    spec.name = log->name_;
    spec.configs = {{"message.timestamp.type", "LogAppendTime"}, {"flush.messages", "1"}};
    TRY([[maybe_unused]] const bool made, log->admin_->create_topic(spec));
    TRY(log->writer_, kafka::make_writer(log->cluster_, kafka::WriterKind::commits));
    TRY(log->reader_, kafka::make_reader(log->cluster_));
    TRY_STATUS(log->reader_->assign({{log->name_, 0, 0}}));
    log->writer_->append({log->name_, 0, {}, events::encode(events::make_genesis("bench", 1, 0, 1)), {}}, [](const topic::Appended&) {});
    log->folding_ = std::jthread([log = log.get()](std::stop_token stop) { log->fold(stop); });
    return log;
  }
  ~LedgerLog() {
    folding_.request_stop();
    if (folding_.joinable()) folding_.join();
    if (admin_) (void)admin_->delete_topic(name_);
  }

  // `writers` at once, each with a stream of its own, one commit in flight each.
  Result<Figures> append(std::int64_t writers, std::int64_t commits) {
    const std::int64_t first_stream = streams_;
    streams_ += writers;
    std::vector<std::uint64_t> versions(static_cast<std::size_t>(writers), 0);
    std::vector<SteadyClock::time_point> sent(versions.size());
    std::vector<double> latencies_ms;
    std::int64_t started = 0;
    const auto next = [&](std::size_t writer) {
      if (started++ >= commits) return;
      sent[writer] = SteadyClock::now();
      send(writer, first_stream + static_cast<std::int64_t>(writer), versions[writer]++);
    };
    const auto began = SteadyClock::now();
    for (std::size_t writer = 0; writer < versions.size(); ++writer) next(writer);
    while (latencies_ms.size() < static_cast<std::size_t>(commits)) {
      TRY(const auto accepted, verdicts_.accepted());
      for (const std::size_t writer : accepted) {
        latencies_ms.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - sent[writer]).count());
        next(writer);
      }
    }
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
    return figures_of(static_cast<double>(commits) / seconds, latencies_ms);
  }

 private:
  LedgerLog() : name_("bench.ledger." + crypto::random_uuid_hex()) {}

  void send(std::size_t writer, std::int64_t stream, std::uint64_t version) {
    v1::Commit commit;
    commit.set_commit_id(hex_id("cmm", ++commits_));
    commit.set_workspace_id(hex_id("ws", 1));
    commit.set_history(1);
    commit.mutable_actor()->set_kind(v1::Actor::USER);
    commit.mutable_actor()->set_id(hex_id("usr", 1));
    commit.set_request_fingerprint(std::string(32, 'f'));
    commit.set_recorded_at_us(1'800'000'000'000'000 + commits_);
    const std::string id = hex_id("cmt", stream);
    auto& expects = *commit.add_expects();
    expects.set_stream(events::comment_stream(CommentId(id)));
    expects.set_version(version);
    v1::EventPayload payload;
    auto& added = *payload.mutable_comment()->mutable_comment_added();
    added.set_comment_id(id);
    added.set_issue_id(hex_id("iss", 1));
    added.mutable_body()->set_plain(std::string(200, 'c'));
    *commit.add_events() = events::make_event(expects.stream(), hex_id("iss", 1), payload);
    auto headers = events::commit_headers(commit);
    const std::string workspace = commit.workspace_id();
    writer_->append({name_, 0, workspace, events::encode(events::make_record(std::move(commit))), std::move(headers)},
                    [this, writer](const topic::Appended& appended) { verdicts_.acknowledged(appended, writer); });
  }

  void fold(const std::stop_token& stop) {
    events::PartitionHead head;
    events::Book book;
    while (!stop.stop_requested()) {
      auto polled = reader_->poll({});
      if (!polled) continue;  // transient; a log that stays away ends in the writers' patience
      for (const topic::Record& record : polled->records) {
        const auto judgement = events::judge(head, book, events::decode(record.value), record.value);
        if (!judgement) return verdicts_.fail_from_outside(judgement.error().message);
        if (judgement->verdict != events::Verdict::control) verdicts_.judged(record.offset, judgement->verdict);
      }
    }
  }

  std::string name_;
  kafka::Cluster cluster_;
  std::unique_ptr<kafka::Admin> admin_;
  Verdicts verdicts_;
  std::unique_ptr<topic::Writer> writer_;
  std::unique_ptr<topic::Reader> reader_;
  std::int64_t streams_ = 0;
  std::int64_t commits_ = 0;
  std::jthread folding_;
};

}  // namespace

Status ledger_append(const Words&) {
  TRY(const auto log, LedgerLog::make());
  return answer_lines({}, [&](const Words& words) -> Result<Figures> {
    TRY(const std::int64_t writers, number_at(words, 1));
    TRY(const std::int64_t commits, number_at(words, 2));
    return log->append(writers, commits);
  });
}

}  // namespace dossier::bench::beside
