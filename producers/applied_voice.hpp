// Tells the write path of a process what its projector has applied: states first, so that who is answered and asks again finds
// them; then verdicts.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "events/applied.hpp"
#include "producers/recent_states.hpp"
#include "producers/verdict_board.hpp"

namespace dossier::producers {

// For the live generation only. Called on projectors' threads, and by whoever tells them what to project.
class AppliedVoice : public events::AppliedListener {
 public:
  // Commits of this partition are visible now; facts that a scheduler looks for among them or not.
  using OnApplied = std::function<void(std::int32_t partition, events::DispatchNeed dispatch)>;
  AppliedVoice(VerdictBoard& board, RecentStates& recent, OnApplied on_applied)
      : board_(board), recent_(recent), on_applied_(std::move(on_applied)) {}

  void applying(std::int32_t partition, std::span<const events::HeadOfWorkspace> heads) override;
  void applied(const events::AppliedBatch& batch) override;
  void attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) override;
  void caught_up(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) override;
  void confirmed(std::int32_t partition, std::int64_t at_us) override;
  void detached(std::int32_t partition) override;
  void halted(std::int32_t partition, const std::string& reason) override;
  void resumed(std::int32_t partition) override;

 private:
  VerdictBoard& board_;
  RecentStates& recent_;
  const OnApplied on_applied_;
};

}  // namespace dossier::producers
