// The queue of reports without an answer.
#include "worker/report_outbox.hpp"

#include <algorithm>
#include <limits>

namespace dossier::worker {

ReportOutbox::Sent ReportOutbox::add(v1::Report report, std::int64_t now_us, bool held) {
  report.set_sequence(++last_sequence_);
  Outstanding item;
  item.sequence = last_sequence_;
  item.body = report.SerializeAsString();
  item.due_us = now_us + item.pause_us;
  item.held = held;
  outstanding_.push_back(item);
  return Sent{item.sequence, std::move(item.body)};
}

const ReportOutbox::Outstanding* ReportOutbox::oldest() const {
  const auto found = std::find_if(outstanding_.begin(), outstanding_.end(), [](const Outstanding& item) { return !item.accepted; });
  return found == outstanding_.end() ? nullptr : &*found;
}

std::vector<ReportOutbox::Sent> ReportOutbox::due(std::int64_t now_us) {
  const Outstanding* const first = oldest();
  const bool all = first != nullptr && first->due_us <= now_us;
  std::vector<Sent> repeats;
  for (Outstanding& item : outstanding_) {
    if (repeats.size() == kRepeatBurst) break;
    if (item.accepted ? item.due_us > now_us : !all) continue;
    item.pause_us = std::min(item.pause_us * 2, kMaxRepeatUs);
    item.due_us = now_us + item.pause_us;
    repeats.push_back({item.sequence, item.body});
  }
  return repeats;
}

std::int64_t ReportOutbox::next_due_us() const {
  const Outstanding* const first = oldest();
  std::int64_t next = first == nullptr ? std::numeric_limits<std::int64_t>::max() : first->due_us;
  for (const Outstanding& item : outstanding_)
    if (item.accepted) next = std::min(next, item.due_us);
  return next;
}

void ReportOutbox::accepted_through(std::uint64_t sequence) {
  for (Outstanding& item : outstanding_) item.accepted = item.accepted || item.sequence <= sequence;
  std::erase_if(outstanding_, [](const Outstanding& item) { return item.accepted && !item.held; });
}

void ReportOutbox::release(std::uint64_t sequence) {
  for (Outstanding& item : outstanding_) item.held = item.held && item.sequence != sequence;
  std::erase_if(outstanding_, [](const Outstanding& item) { return item.accepted && !item.held; });
}

void ReportOutbox::refused(std::uint64_t sequence) {
  std::erase_if(outstanding_, [&](const Outstanding& item) { return item.sequence == sequence; });
}

}  // namespace dossier::worker
