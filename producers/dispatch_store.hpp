// What the scheduler (and intake, for its leases) reads: open tasks and live workers of all workspaces. A view: each
// decision is taken again on the folded state of the task, so what is old here costs a refused command and nothing else.
// Implementations: producers/postgres_dispatch_store.cpp, producers/memory_dispatch_store.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"
#include "producers/state_store.hpp"

namespace dossier::producers {

struct QueuedTask {
  TaskId id;
  WorkspaceId workspace;
  std::string pool;
  std::int32_t priority = 0;
  std::string affinity;
  std::int64_t queued_us = 0;
  std::uint32_t offer = 0;  // the last one; the next is one more
  SessionId session;
};

// Offered, claimed or running.
struct ActiveTask {
  TaskId id;
  WorkspaceId workspace;
  std::string pool;
  v1::TaskState::Status status = v1::TaskState::STATUS_UNSPECIFIED;
  std::uint32_t offer = 0;
  WorkerId worker;
  bool cancel_requested = false;
  std::string cancel_reason;
  bool decisions_wait = false;  // approvals of its session are resolved, and its agent is not known to know
  SessionId session;
  bool steers = false;  // a follow-up waits that was asked to go into the present turn
};

// An approval that was resolved and not delivered yet.
struct UndeliveredDecision {
  TaskId task;
  std::uint32_t offer = 0;       // under which it was asked for
  std::string provider_request;  // means something under that offer only
  v1::ApprovalResolved resolved;
};

// A session's folded state.
struct SessionRow {
  SessionId id;
  v1::SessionState state;
};

// What never changes of a task.
struct TaskDetails {
  TaskId id;
  v1::TaskQueued queued;
  std::uint64_t issue_number = 0;
};

// What a scheduler looks at with each step.
struct DispatchLook {
  std::vector<LiveWorker> workers;
  std::vector<ActiveTask> active;
  std::vector<QueuedTask> queued;
  std::vector<TaskDetails> details;  // of the first kDetailed of each queue, perhaps without large ones, in no order
};

// Thread-safe. All of it is of the live generation. database_unavailable; corrupt: a row can't be read, rebuild.
class DispatchStore {
 public:
  virtual ~DispatchStore() = default;
  // Of one moment, in one round trip: the registered workers whose last report is at most `live_us` older than what intake
  // read last of their partition, in broker time; active(); and queued() of these pools, with details of those that come next.
  virtual Result<DispatchLook> look(std::int64_t live_us, const std::vector<std::string>& pools, int per_pool) = 0;
  static constexpr int kDetailed = 8;
  // Pool by pool in the order given (each named once), of each the first `per_pool` by priority, then age.
  virtual Result<std::vector<QueuedTask>> queued(const std::vector<std::string>& pools, int per_pool) = 0;
  // All of them, in no order: as many as the workers have slots.
  virtual Result<std::vector<ActiveTask>> active() = 0;
  // Of these tasks, task by task in no order, of each the latest kMaxDecisions in the order in which they were asked for.
  virtual Result<std::vector<UndeliveredDecision>> undelivered_decisions(const std::vector<TaskId>& ids) = 0;
  static constexpr int kMaxDecisions = 64;  // as many as a session keeps (events/approval.hpp)
  // Of those that are there, in no order.
  virtual Result<std::vector<TaskDetails>> details(const std::vector<TaskId>& ids) = 0;
  // Of those that are there and that this code can read, in no order.
  virtual Result<std::vector<SessionRow>> sessions(const std::vector<SessionId>& ids) = 0;
};

}  // namespace dossier::producers
