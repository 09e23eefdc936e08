// A task: work that exactly one worker may do at a time. Stream task/<id>.
//
//   queued ──offer──► offered ──claim──► claimed ──start──► running ──► completed | failed | cancelled
//     ▲                 │ lapse            │ lease expired, failed with attempts left │
//     └─────────────────┴──────────────────┴──────────────────────────────────────────┘
//
// Offers are numbered; only the present number counts. Terminal states absorb. Everything here is pure; a repeated
// command yields no second event.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr std::uint32_t kMaxAttempts = 3;
inline constexpr std::int64_t kOfferDeadlineUs = 5'000'000;
inline constexpr std::int64_t kOfferRepeatUs = 300'000;
inline constexpr std::int64_t kLeaseUs = 20'000'000;
inline constexpr std::string_view kWorkerRestarted = "worker_restarted";  // TaskLeaseExpired::reason

using TaskEvents = std::vector<v1::TaskEvent>;

bool is_terminal(v1::TaskState::Status status);
// claimed or running: a worker holds a lease on it.
bool is_leased(v1::TaskState::Status status);
// True where the worker's claim of this offer was ever accepted: its activity is evidence, also when late.
bool was_claimed(const v1::TaskState& state, std::uint32_t offer, std::string_view worker_id);
// True where this boot, or one of which the log does not say which it was, claimed this offer.
bool is_claim_of(const v1::TaskState& state, std::uint32_t offer, std::string_view boot_id);

// The next offer, to this worker. conflict: not queued. terminal_state.
Result<TaskEvents> offer(const v1::TaskState& state, std::string_view worker_id, std::int64_t deadline_us);
// The offer ended without a claim; nothing if it is not the open one.
TaskEvents lapse(const v1::TaskState& state, std::uint32_t offer, std::string_view reason);

// What a worker reports under (offer, worker). offer_superseded: that offer is not, or no longer, this worker's; its
// report is recorded as late and changes nothing.
// A claim is one boot's. Claimed before by another boot of this worker: that one's agent is lost with it, or will be stopped,
// and the lease ends as expire_lease ends it.
Result<TaskEvents> claim(const v1::TaskState& state, std::uint32_t offer, std::string_view worker_id, std::string_view boot_id);
Result<TaskEvents> start(const v1::TaskState& state, std::uint32_t offer, std::string_view worker_id);
// The fence for a report which is no task event itself (turns, source, evidence): leased under this offer by this worker.
Status require_fence(const v1::TaskState& state, std::uint32_t offer, std::string_view worker_id);
// A `completed` after a cancel request counts as cancelled.
Result<TaskEvents> complete(const v1::TaskState& state, std::string_view worker_id, const v1::TaskCompleted& completed);
// Back to queued while it is retryable, attempts are left and nobody asked to cancel; a failure stays a failure.
Result<TaskEvents> fail(const v1::TaskState& state, std::string_view worker_id, v1::TaskFailed failed);
Result<TaskEvents> report_cancelled(const v1::TaskState& state, std::uint32_t offer, std::string_view worker_id, std::string_view reason);

// The lease ended: back to queued, or cancelled if that was asked, or failed with attempts_exhausted. Nothing if that
// offer holds no lease.
TaskEvents expire_lease(const v1::TaskState& state, std::uint32_t offer);

// At once before a claim, a request after it. Nothing if it was cancelled or asked before; terminal_state if it ended otherwise.
Result<TaskEvents> request_cancel(const v1::TaskState& state, std::string_view by, std::string_view reason);

v1::TaskEvent late_result(std::uint32_t offer, std::string_view worker_id, std::string_view what, std::string_view detail);

std::string_view status_name(v1::TaskState::Status status);

}  // namespace dossier::events
