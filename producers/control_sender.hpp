// What the server says to workers: offers on dossier.tasks.<pool>, everything else (and repeats of offers) on
// dossier.control.<pool>. A message whose fate is unknown is sent again a few times: every one of them is harmless twice.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "dossier/v1/worker.pb.h"
#include "events/names.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::producers {

// Thread-safe. The writer must be flushed before this is destroyed.
class ControlSender {
 public:
  static constexpr std::size_t kMaxRetries = 4'096;  // messages waiting to be sent again; the oldest is dropped first
  static constexpr int kMaxTries = 20;
  static constexpr std::int64_t kPauseUs = 500'000;

  ControlSender(topic::Writer& writer, events::Topics topics, const Clock& clock);

  // The answer to this claim.
  void granted(const std::string& pool, const v1::Report& claim);
  void fenced(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const TaskId& task, std::uint32_t offer,
              std::uint32_t present_offer, std::string reason);
  void accepted_through(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const std::string& boot_id,
                        std::uint64_t sequence);
  void report_refused(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const std::string& boot_id,
                      std::uint64_t sequence, const Error& error);
  void revoked(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, std::string reason);
  void cancel_run(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const TaskId& task, std::uint32_t offer,
                  std::string reason);
  void approval_decision(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const v1::ApprovalDecision& decision);
  void next_turn(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, v1::NextTurn turn);
  void finish_run(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, v1::FinishRun finish);
  void steer_run(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, v1::SteerRun steer);
  // To this partition of dossier.tasks.<pool>, or to the control topic where it is negative.
  void offer(const std::string& pool, std::int32_t partition, const v1::TaskOffer& offer);

  // Sends again what was not acknowledged. Called by a loop, every now and then.
  void retry();
  // A worker that reads its pool's control topic has read past this offset: it was written at least kDeafUs ago. 0: not
  // known (this process has written nothing there for that long).
  std::int64_t must_have_read(const std::string& pool) const;
  static constexpr std::int64_t kDeafUs = 30'000'000;

  std::uint64_t dropped() const { return state_->dropped.load(); }

 private:
  struct Pending {
    topic::Outgoing record;
    int tries = 0;
    std::int64_t due_us = 0;
  };
  // Outlives this object while records are in flight.
  struct State {
    explicit State(const Clock& clock) : clock(clock) {}
    void note_written(const std::string& topic, std::int64_t offset);
    const Clock& clock;
    mutable std::mutex mutex;
    std::deque<Pending> pending;
    std::map<std::string, std::deque<std::pair<std::int64_t, std::int64_t>>> written;  // control topic → (boot time, offset), a sample a second
    std::atomic<std::uint64_t> dropped{0};
  };
  v1::ControlMessage message(const WorkspaceId& workspace, const WorkerId& worker) const;
  void send(const std::string& pool, const v1::ControlMessage& message);
  void append(topic::Outgoing record, int tries);

  topic::Writer& writer_;
  const events::Topics topics_;
  std::shared_ptr<State> state_;
};

}  // namespace dossier::producers
