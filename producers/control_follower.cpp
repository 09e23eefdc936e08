// One reader for all pools; rings of what it read; waiters.
#include "producers/control_follower.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "dossier/v1/worker.pb.h"

namespace dossier::producers {
namespace {

constexpr std::int64_t kErrorPauseMs = 250;
constexpr std::int64_t kIdlePauseMs = 10;
constexpr std::int64_t kWatermarksMs = 2'000;

}  // namespace

ControlFollower::ControlFollower(std::unique_ptr<topic::Reader> reader, const Clock& clock) : ControlFollower(std::move(reader), clock, Options{}) {}

ControlFollower::ControlFollower(std::unique_ptr<topic::Reader> reader, const Clock& clock, Options options)
    : reader_(std::move(reader)), clock_(clock), options_(options), thread_([this] { run(); }) {}

ControlFollower::~ControlFollower() {
  stop();
  thread_.join();
}

void ControlFollower::stop() {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiters.swap(waiters_);
  }
  for (Waiter& waiter : waiters) waiter.done(make_error(Code::shutting_down, "the server is stopping"));
}

std::size_t ControlFollower::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

void ControlFollower::wait(const std::string& topic, const std::string& workspace, const std::string& worker, std::int64_t offset,
                           std::int64_t wait_us, Done done) {
  const std::int64_t now = clock_.boot_us();
  std::optional<Result<Answer>> answer;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      answer = make_error(Code::shutting_down, "the server is stopping");
    } else if (waiters_.size() >= options_.max_waiting || (!followed_.contains(topic) && followed_.size() >= options_.max_pools)) {
      answer = make_error(Code::overloaded, "too many workers wait at this gateway; try again");
    } else {
      Followed& followed = followed_[topic];
      followed.asked_us = now;
      Waiter waiter{topic, workspace, worker, offset, now + wait_us, std::move(done)};
      answer = try_answer(followed, waiter);
      done = std::move(waiter.done);
      if (!answer) {
        waiter.done = std::move(done);
        waiters_.push_back(std::move(waiter));
        return;
      }
    }
  }
  done(*std::move(answer));
}

std::optional<Result<ControlFollower::Answer>> ControlFollower::try_answer(const Followed& followed, Waiter& waiter) const {
  if (!followed.known) {
    // Before the topic's ends are known even an empty answer would be a guess.
    if (followed.failed) return std::nullopt;
    return make_error(Code::log_unavailable, "the control topic can't be read now: " + followed.failed.error().message);
  }
  if (waiter.offset < 0) {
    Answer at_end;
    at_end.next = at_end.end = followed.next;
    at_end.begin = followed.begin;
    return at_end;
  }
  if (waiter.offset < followed.begin || waiter.offset > followed.next)
    return make_error(Code::log_mismatch, "control messages are kept here from offset " + std::to_string(followed.begin) + " to " +
                                              std::to_string(followed.next) + "; ask from the end");
  Answer answer;
  answer.begin = followed.begin;
  answer.end = followed.next;
  answer.next = followed.next;
  std::size_t bytes = 0;
  const auto first = std::lower_bound(followed.kept.begin(), followed.kept.end(), waiter.offset,
                                      [](const Kept& kept, std::int64_t offset) { return kept.offset < offset; });
  for (auto it = first; it != followed.kept.end(); ++it) {
    if (it->worker != waiter.worker || it->workspace != waiter.workspace) continue;
    if (bytes > 0 && bytes + it->value.size() > options_.max_answer_bytes) {
      answer.next = it->offset;
      break;
    }
    bytes += it->value.size();
    answer.messages.push_back({it->offset, it->value});
  }
  if (answer.messages.empty() && clock_.boot_us() < waiter.until_us) {
    waiter.offset = followed.next;  // what is there is not for it
    return std::nullopt;
  }
  return answer;
}

void ControlFollower::run() {
  ::pthread_setname_np(::pthread_self(), "gateway");
  for (;;) {
    const Status done = step();
    Answers answers;
    bool idle = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      answer_waiters(answers);
      idle = followed_.empty();
    }
    for (auto& [answer, result] : answers) answer(std::move(result));
    if (!done) {
      log::warn("producers", "can't read control messages for the gateway: " + done.error().message);
      std::this_thread::sleep_for(std::chrono::milliseconds(kErrorPauseMs));
    } else if (idle) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kIdlePauseMs));
    }
  }
}

Status ControlFollower::step() {
  TRY_STATUS(follow_new());
  {
    const std::lock_guard lock(mutex_);
    if (followed_.empty()) return {};
  }
  auto polled = reader_->poll({.max_records = 1'000, .max_bytes = 4u << 20, .wait_ms = options_.poll_ms, .linger_us = 0});
  if (!polled && polled.error().code == Code::log_mismatch) {
    // A topic lost its tail or its start: whoever waits begins anew.
    const std::lock_guard lock(mutex_);
    for (auto& [topic, followed] : followed_) {
      const std::int64_t asked = followed.asked_us;
      followed = Followed{};
      followed.asked_us = asked;
    }
    return polled.error();
  }
  if (!polled) return polled.error();
  const std::lock_guard lock(mutex_);
  for (const topic::Record& record : polled->records) take(record);
  return {};
}

// Finds the ends of topics that are asked for newly, and leaves those that nobody asks for any more.
Status ControlFollower::follow_new() {
  std::vector<std::string> fresh;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.boot_us();
    const auto left = std::erase_if(followed_, [&](const auto& entry) {
      const bool waited_for = std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) { return waiter.topic == entry.first; });
      return !waited_for && now - entry.second.asked_us > options_.unfollow_us;
    });
    reassign_due_ = reassign_due_ || left > 0;
    for (const auto& [topic, followed] : followed_)
      if (!followed.known && now >= followed.retry_at_us) fresh.push_back(topic);
  }
  // One a step: a look may take its time, and those who are followed already are read in between.
  if (!fresh.empty()) {
    const std::string& topic = fresh[looks_++ % fresh.size()];
    const auto marks = reader_->watermarks(topic, 0, kWatermarksMs);
    const std::lock_guard lock(mutex_);
    Followed& followed = followed_.at(topic);  // only this thread takes them out
    if (marks) {
      followed.failed = {};
      followed.known = true;
      followed.begin = followed.next = std::max(marks->begin, marks->end - options_.look_back);
      reassign_due_ = true;
    } else {
      // Who asks for it is told, and the others do not wait for it: it may be a pool that no worker ever registered in.
      followed.failed = marks.error();
      followed.retry_at_us = clock_.boot_us() + options_.retry_us;
    }
  }
  if (reassign_due_) TRY_STATUS(reassign());
  reassign_due_ = false;
  return {};
}

Status ControlFollower::reassign() {
  std::vector<topic::Position> positions;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [topic, followed] : followed_)
      if (followed.known) positions.push_back({topic, 0, followed.next});
  }
  return reader_->assign(positions);
}

void ControlFollower::take(const topic::Record& record) {
  const auto found = followed_.find(record.topic);
  if (found == followed_.end() || record.offset < found->second.next) return;
  Followed& followed = found->second;
  followed.next = record.offset + 1;
  v1::ControlMessage message;
  if (!message.ParseFromString(record.value)) return;
  followed.kept.push_back({record.offset, message.workspace_id(), message.worker_id(), record.value});
  followed.bytes += record.value.size();
  while (followed.kept.size() > options_.max_kept || (followed.bytes > options_.max_kept_bytes && followed.kept.size() > 1)) {
    followed.bytes -= followed.kept.front().value.size();
    followed.begin = followed.kept.front().offset + 1;
    followed.kept.pop_front();
  }
}

void ControlFollower::answer_waiters(Answers& out) {
  std::erase_if(waiters_, [&](Waiter& waiter) {
    const auto found = followed_.find(waiter.topic);
    if (found == followed_.end()) return false;
    auto answer = try_answer(found->second, waiter);
    if (!answer) return false;
    out.emplace_back(std::move(waiter.done), *std::move(answer));
    return true;
  });
}

}  // namespace dossier::producers
