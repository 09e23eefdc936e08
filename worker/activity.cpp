// Batching, chaining and repeating of activity records.
#include "worker/activity.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/check.hpp"
#include "platform/crypto/crypto.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kEventOverhead = 48;  // ids, times and lengths around an event's text, about
constexpr std::int64_t kNothingDueUs = 60'000'000;

}  // namespace

ActivityStream::ActivityStream(Identity identity, std::string session_id, std::string task_id, std::uint32_t offer, Target target,
                               topic::Writer& writer, const Clock& clock, process::Wakeup& wakeup)
    : identity_(std::move(identity)), target_(std::move(target)), writer_(writer), clock_(clock), shared_(std::make_shared<Shared>()) {
  shared_->wakeup = &wakeup;
  shared_->clock = &clock;
  record_.set_workspace_id(identity_.workspace_id);
  record_.set_worker_id(identity_.worker_id);
  record_.set_session_id(std::move(session_id));
  record_.set_task_id(std::move(task_id));
  record_.set_offer(offer);
}

ActivityStream::~ActivityStream() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wakeup = nullptr;
  shared_->clock = nullptr;
}

v1::ActivityEvent& ActivityStream::next_event(std::size_t text_bytes) {
  const std::size_t bytes = text_bytes + kEventOverhead;
  if (record_.events_size() > 0 && (record_bytes_ + bytes > kMaxRecordBytes || record_.events_size() >= kMaxRecordEvents)) flush();
  if (record_.events_size() == 0) record_started_us_ = clock_.boot_us();
  record_bytes_ += bytes;
  v1::ActivityEvent* event = record_.add_events();
  event->set_at_us(clock_.wall_us());
  return *event;
}

void ActivityStream::log_line(std::string_view stream, std::string_view text) {
  std::string clean = clean_text(text, kMaxTextBytes);
  v1::LogLine* line = next_event(clean.size()).mutable_log_line();
  line->set_stream(stream.data(), stream.size());
  line->mutable_text()->set_plain(std::move(clean));
}

void ActivityStream::add(v1::ActivityEvent event) {
  v1::ActivityEvent& next = next_event(event.ByteSizeLong());
  event.set_at_us(next.at_us());
  next = std::move(event);
}

void ActivityStream::flush() {
  if (record_.events_size() == 0) return;
  record_.set_first_sequence(next_sequence_);
  record_.set_previous_sha256(previous_);
  next_sequence_ += static_cast<std::uint64_t>(record_.events_size());
  v1::SignedActivity outer;
  outer.set_body(record_.SerializeAsString());
  outer.set_signature(sign_body(identity_, kActivityDomain, outer.body()));
  std::string value = outer.SerializeAsString();
  previous_ = std::string(crypto::view(crypto::sha256(value)));
  record_.clear_events();
  record_bytes_ = 0;
  const std::uint64_t number = ++records_;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->bytes += value.size();
    shared_->pending.push_back({number, value, false, 0});
  }
  send(number, value);
}

void ActivityStream::send(std::uint64_t number, const std::string& value) {
  writer_.append({target_.topic, target_.partition, target_.key, value, {}},
                 [shared = shared_, number](const topic::Appended& appended) { settle(*shared, number, appended); });
}

// On a thread of the writer, or inside append().
void ActivityStream::settle(Shared& shared, std::uint64_t number, const topic::Appended& appended) {
  const std::lock_guard lock(shared.mutex);
  const auto found = std::find_if(shared.pending.begin(), shared.pending.end(), [&](const Pending& p) { return p.number == number; });
  if (found == shared.pending.end()) return;
  if (appended.outcome == topic::Outcome::acknowledged) {
    shared.bytes -= found->value.size();
    shared.pending.erase(found);
  } else {
    found->failed = true;
    found->retry_us = shared.clock == nullptr ? 0 : shared.clock->boot_us() + kRetryPauseUs;
  }
  if (shared.wakeup != nullptr) shared.wakeup->notify();
}

std::int64_t ActivityStream::pump() {
  const std::int64_t now = clock_.boot_us();
  std::int64_t next = kNothingDueUs;
  if (record_.events_size() > 0) {
    const std::int64_t due = record_started_us_ + kLingerUs;
    if (now >= due)
      flush();
    else
      next = due - now;
  }
  // Failed records go again in their order. One behind them may already be in the log: the server keeps each under its
  // sequence, so the order of arrival decides nothing.
  std::vector<std::pair<std::uint64_t, std::string>> again;
  {
    const std::lock_guard lock(shared_->mutex);
    for (Pending& pending : shared_->pending) {
      if (!pending.failed) continue;
      if (pending.retry_us > now) {
        next = std::min(next, pending.retry_us - now);
        break;
      }
      pending.failed = false;
      again.emplace_back(pending.number, pending.value);
    }
  }
  for (const auto& [number, value] : again) send(number, value);
  return next;
}

bool ActivityStream::congested() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->bytes >= kMaxInFlightBytes;
}

bool ActivityStream::drain(std::int64_t wait_ms) {
  flush();
  const std::int64_t until = clock_.boot_us() + wait_ms * 1'000;
  for (;;) {
    pump();
    {
      const std::lock_guard lock(shared_->mutex);
      if (shared_->pending.empty()) return true;
    }
    const std::int64_t left_ms = (until - clock_.boot_us()) / 1'000;
    if (left_ms <= 0) return false;
    shared_->wakeup->wait(std::min<std::int64_t>(left_ms, 100));
  }
}

}  // namespace dossier::worker
