// The reading loops.
#include "worker/consumers.hpp"

#include <chrono>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace dossier::worker {
namespace {

// A poll returns as soon as a record is there: the wait costs no latency, it bounds how long a stop takes.
constexpr topic::PollLimits kLimits{256, 4u << 20, 100, 0};
constexpr std::int64_t kErrorPauseMs = 250;
constexpr std::int64_t kCloseMs = 5'000;
constexpr std::int64_t kEndWaitMs = 5'000;

void pause_after(const Error& error, const char* what) {
  log::warn("worker", std::string(what) + ": " + error.message);
  std::this_thread::sleep_for(std::chrono::milliseconds(kErrorPauseMs));
}

}  // namespace

OfferConsumer::OfferConsumer(std::unique_ptr<topic::GroupReader> reader, OfferListener listener)
    : reader_(std::move(reader)), listener_(std::move(listener)), thread_([this] { run(); }) {}

OfferConsumer::~OfferConsumer() {
  stop_.store(true);
  thread_.join();
}

void OfferConsumer::commit(const std::vector<Commit>& commits) {
  const std::lock_guard lock(mutex_);
  for (const Commit& commit : commits) commits_[commit.partition] = commit.offset;
}

void OfferConsumer::run() {
  std::uint64_t generation = 0;
  while (!stop_.load()) {
    const auto polled = reader_->poll(kLimits);
    if (!polled) pause_after(polled.error(), "can't read offers");
    if (const auto assignment = reader_->assignment(); assignment.generation != generation) {
      generation = assignment.generation;
      listener_.partitions(assignment.partitions);
    }
    if (polled)
      for (const topic::Record& record : polled->records) {
        v1::TaskOffer offer;
        if (offer.ParseFromString(record.value))
          listener_.offer(std::move(offer), record.partition, record.offset);
        else
          listener_.unreadable(record.partition, record.offset);
      }
    if (const std::int64_t now = SystemClock().boot_us(); now >= commit_due_us_) {
      commit_due_us_ = now + kCommitUs;
      commit_now();
    }
  }
  commit_now();
  reader_->close(kCloseMs);
}

void OfferConsumer::commit_now() {
  std::map<std::int32_t, std::int64_t> commits;
  {
    const std::lock_guard lock(mutex_);
    commits.swap(commits_);
  }
  for (const auto& [partition, offset] : commits) reader_->commit(partition, offset);
}

ControlConsumer::ControlConsumer(std::unique_ptr<topic::Reader> reader, std::string topic, ControlListener listener)
    : reader_(std::move(reader)), topic_(std::move(topic)), listener_(std::move(listener)), thread_([this] { run(); }) {}

ControlConsumer::~ControlConsumer() {
  stop_.store(true);
  thread_.join();
}

void ControlConsumer::run() {
  while (!stop_.load()) {
    const Status done = next_ < 0 ? go_to_end() : step();
    if (done) continue;
    // Deleted from under us: what was in it is older than a day, and what concerns us is said again.
    if (done.error().code == Code::log_mismatch) next_ = -1;
    if (done.error().code == Code::unauthenticated) listener_.unauthenticated(done.error());
    pause_after(done.error(), "can't read control messages");
  }
}

Status ControlConsumer::go_to_end() {
  TRY(const topic::Watermarks marks, reader_->watermarks(topic_, 0, kEndWaitMs));
  TRY_STATUS(reader_->assign({{topic_, 0, marks.end}}));
  next_ = marks.end;
  listener_.current(next_ - 1);
  return {};
}

Status ControlConsumer::step() {
  TRY(const topic::Polled polled, reader_->poll(kLimits));
  for (const topic::Record& record : polled.records) {
    next_ = record.offset + 1;
    v1::ControlMessage message;
    if (message.ParseFromString(record.value)) listener_.message(std::move(message), record.offset);
  }
  // Silence is no proof that nothing was said: only the broker's own answer about the end is.
  const std::int64_t now = SystemClock().boot_us();
  if (now < check_due_us_) return {};
  TRY(const topic::Watermarks marks, reader_->watermarks(topic_, 0, kCheckWaitMs));
  if (marks.end < next_) return make_error(Code::log_mismatch, "the control topic is shorter than what was read of it");
  if (marks.end == next_) listener_.current(next_ - 1);
  check_due_us_ = now + (marks.end == next_ ? kCheckUs : 0);
  return {};
}

}  // namespace dossier::worker
