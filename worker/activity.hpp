// What an agent says and does, on its way to dossier.activity: events are gathered for a moment into a record, each record
// carries the hash of the one before and a signature, and is kept until the log has it.
//
// Memory is bounded: with kMaxInFlightBytes on the way, congested() is true, and the caller stops reading the agent's
// pipes, which stops the agent. Nothing is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/process/process.hpp"
#include "platform/topic/topic.hpp"
#include "worker/identity.hpp"

namespace dossier::worker {

// One owner thread (the run's), but for the writer's callbacks.
class ActivityStream {
 public:
  static constexpr std::int64_t kLingerUs = 20'000;           // of the first event in a record
  static constexpr std::size_t kMaxRecordBytes = 256 * 1024;  // flushed before it grows beyond
  static constexpr int kMaxRecordEvents = 2'000;
  static constexpr std::size_t kMaxTextBytes = 64 * 1024;  // of one event; longer lines are split by who reads them
  static constexpr std::size_t kMaxInFlightBytes = 4u << 20;
  static constexpr std::int64_t kRetryPauseUs = 500'000;

  // `wakeup` is notified when a congested stream has room again, and must outlive the stream.
  ActivityStream(Identity identity, std::string session_id, std::string task_id, std::uint32_t offer, Target target, topic::Writer& writer,
                 const Clock& clock, process::Wakeup& wakeup);
  ~ActivityStream();
  ActivityStream(const ActivityStream&) = delete;
  ActivityStream& operator=(const ActivityStream&) = delete;

  // Bytes as the program wrote them: made fit for the log here.
  void log_line(std::string_view stream, std::string_view text);
  // Texts must be clean (worker/text.hpp) and at most kMaxTextBytes. The time is set here.
  void add(v1::ActivityEvent event);

  // Sends what is due, and again what failed. Returns how long it may be left alone, in microseconds.
  std::int64_t pump();
  void flush();
  bool congested() const;
  // Flushes and waits until the log has everything, at most wait_ms. False: something is still on the way.
  bool drain(std::int64_t wait_ms);

  // Of what was flushed.
  std::uint64_t last_sequence() const { return next_sequence_ - 1; }
  const std::string& root() const { return previous_; }  // SHA-256 of the last record, empty before the first

 private:
  struct Pending {
    std::uint64_t number = 0;
    std::string value;
    bool failed = false;
    std::int64_t retry_us = 0;
  };
  // Outlives the stream while records are in flight.
  struct Shared {
    std::mutex mutex;
    std::deque<Pending> pending;
    std::size_t bytes = 0;
    process::Wakeup* wakeup = nullptr;  // null once the stream is gone
    const Clock* clock = nullptr;
  };
  v1::ActivityEvent& next_event(std::size_t text_bytes);
  void send(std::uint64_t number, const std::string& value);
  static void settle(Shared& shared, std::uint64_t number, const topic::Appended& appended);

  const Identity identity_;
  const Target target_;
  topic::Writer& writer_;
  const Clock& clock_;
  std::shared_ptr<Shared> shared_;

  v1::ActivityRecord record_;  // being filled
  std::size_t record_bytes_ = 0;
  std::int64_t record_started_us_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t records_ = 0;
  std::string previous_;
};

}  // namespace dossier::worker
