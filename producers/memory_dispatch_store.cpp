// The scheduler's questions, answered by scans.
#include "producers/memory_dispatch_store.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "events/names.hpp"
#include "events/task.hpp"
#include "platform/json/json.hpp"
#include "platform/memory/ledger_tables.hpp"
#include "producers/live_worker.hpp"

namespace dossier::producers {
namespace {

using memory::flag;
using memory::Key;
using memory::number;
using memory::text;

// Columns of the read models tasks and issues (schemas/sql/generation/), which SQL would know by name.
enum TaskColumn : std::size_t {
  kId = 0,
  kWorkspace = 1,
  kIssueId = 2,
  kSessionId = 3,
  kPool = 5,
  kPriority = 6,
  kAffinity = 7,
  kQueued = 9,
  kStatus = 10,
  kOffer = 11,
  kWorkerId = 12,
  kDeadlineUs = 13,
  kCancelRequested = 15,
  kCancelReason = 16,
  kQueuedUs = 22
};
enum ApprovalColumn : std::size_t {
  kApprovalWorkspace = 1,
  kApprovalSession = 2,
  kApprovalOffer = 12,
  kProviderRequest = 14,
  kAskedUs = 16,
  kApprovalStatus = 17,
  kResolvedBytes = 23,
  kDeliveredUs = 27
};
constexpr std::size_t kIssueNumber = 2;
enum FollowUpColumn : std::size_t { kFollowUpWorkspace = 1, kFollowUpSession = 2, kFollowUpStatus = 8, kFollowUpSteer = 9 };

using View = memory::MemoryDatabase::View;

std::string own(const View& view, std::string_view table) { return memory::in_generation(memory::live_generation(view), table); }

bool has(const rows::Row& row, std::size_t column) { return !std::holds_alternative<std::monostate>(row.at(column)); }

// A view is not asked again while it scans: first the rows, then what is done with them.
std::vector<rows::Row> all(const View& view, std::string_view table) {
  std::vector<rows::Row> rows;
  view.scan(own(view, table), Key(), [&](const rows::Row& row) {
    rows.push_back(row);
    return true;
  });
  return rows;
}

void each_task(const View& view, const std::function<void(const rows::Row&)>& visit) {
  for (const rows::Row& row : all(view, "tasks"))
    if (has(row, kQueuedUs)) visit(row);
}

// Approvals that are resolved and not delivered, in the order in which they were asked for.
std::vector<rows::Row> undelivered(const View& view) {
  std::vector<rows::Row> rows = all(view, "approvals");
  std::erase_if(rows, [](const rows::Row& row) {
    return !has(row, kAskedUs) || !has(row, kResolvedBytes) || has(row, kDeliveredUs) || text(row, kApprovalStatus) != "resolved";
  });
  std::sort(rows.begin(), rows.end(), [](const rows::Row& a, const rows::Row& b) {
    return std::tuple(number(a, kAskedUs), text(a, kId)) < std::tuple(number(b, kAskedUs), text(b, kId));
  });
  return rows;
}

bool is_of(const rows::Row& approval, const rows::Row& task) {
  return text(approval, kApprovalSession) == text(task, kSessionId) && text(approval, kApprovalWorkspace) == text(task, kWorkspace);
}

Status alive(const View& view) {
  if (!view.alive()) return make_error(Code::database_unavailable, "the database crashed");
  return {};
}

std::vector<QueuedTask> queued_in(const View& view, const std::vector<std::string>& pools, int per_pool) {
  std::map<std::string, std::vector<QueuedTask>> by_pool;
  each_task(view, [&](const rows::Row& row) {
    if (text(row, kStatus) != "queued" || std::find(pools.begin(), pools.end(), text(row, kPool)) == pools.end()) return;
    by_pool[text(row, kPool)].push_back({TaskId(text(row, kId)), WorkspaceId(text(row, kWorkspace)), text(row, kPool),
                                         static_cast<std::int32_t>(number(row, kPriority)), text(row, kAffinity), number(row, kQueuedUs),
                                         static_cast<std::uint32_t>(number(row, kOffer)), SessionId(text(row, kSessionId))});
  });
  std::vector<QueuedTask> tasks;
  for (const std::string& pool : pools) {
    auto& of_pool = by_pool[pool];
    std::stable_sort(of_pool.begin(), of_pool.end(), [](const QueuedTask& a, const QueuedTask& b) {
      return std::tuple(-a.priority, a.queued_us) < std::tuple(-b.priority, b.queued_us);
    });
    of_pool.resize(std::min(of_pool.size(), static_cast<std::size_t>(per_pool)));
    tasks.insert(tasks.end(), of_pool.begin(), of_pool.end());
  }
  return tasks;
}

std::vector<ActiveTask> active_in(const View& view) {
  std::vector<ActiveTask> tasks;
  const auto decided = undelivered(view);
  std::set<std::pair<std::string, std::string>> steered;
  for (const rows::Row& row : all(view, "follow_ups"))
    if (has(row, kFollowUpStatus) && text(row, kFollowUpStatus) == "waiting" && has(row, kFollowUpSteer) && flag(row, kFollowUpSteer))
      steered.emplace(text(row, kFollowUpWorkspace), text(row, kFollowUpSession));
  each_task(view, [&](const rows::Row& row) {
    ActiveTask task;
    for (const auto status : {v1::TaskState::OFFERED, v1::TaskState::CLAIMED, v1::TaskState::RUNNING})
      if (events::status_name(status) == text(row, kStatus)) task.status = status;
    if (task.status == v1::TaskState::STATUS_UNSPECIFIED) return;
    task.id = TaskId(text(row, kId));
    task.workspace = WorkspaceId(text(row, kWorkspace));
    task.pool = text(row, kPool);
    task.offer = static_cast<std::uint32_t>(number(row, kOffer));
    task.worker = WorkerId(text(row, kWorkerId));
    task.cancel_requested = has(row, kCancelRequested) && flag(row, kCancelRequested);
    if (task.cancel_requested) {
      const auto reason = json::parse(text(row, kCancelReason));
      if (reason && reason->string() != nullptr) task.cancel_reason = *reason->string();
    }
    task.decisions_wait = std::any_of(decided.begin(), decided.end(), [&](const rows::Row& approval) { return is_of(approval, row); });
    task.session = SessionId(text(row, kSessionId));
    task.steers = steered.contains({text(row, kWorkspace), text(row, kSessionId)});
    tasks.push_back(std::move(task));
  });
  return tasks;
}

Result<std::vector<TaskDetails>> details_in(const View& view, const std::vector<TaskId>& ids) {
  std::vector<TaskDetails> details;
  Status readable;
  each_task(view, [&](const rows::Row& row) {
    if (std::find(ids.begin(), ids.end(), TaskId(text(row, kId))) == ids.end()) return;
    TaskDetails one;
    one.id = TaskId(text(row, kId));
    if (!one.queued.ParseFromString(text(row, kQueued))) readable = make_error(Code::corrupt, "task " + one.id.str() + " can't be read");
    for (const rows::Row& issue : all(view, "issues"))
      if (text(issue, 0) == text(row, kIssueId) && text(issue, 1) == text(row, kWorkspace) && has(issue, kIssueNumber))
        one.issue_number = static_cast<std::uint64_t>(number(issue, kIssueNumber));
    details.push_back(std::move(one));
  });
  TRY_STATUS(readable);
  return details;
}

Result<std::vector<LiveWorker>> workers_in(const View& view, std::int64_t within_us) {
  std::vector<rows::Row> rows;
  view.scan(memory::kLiveness, Key(), [&](const rows::Row& row) {
    rows.push_back(row);
    return true;
  });
  std::erase_if(rows, [&](const rows::Row& row) { return number(row, 3) < memory::reports_read_until_us(view, number(row, 4)) - within_us; });
  std::vector<LiveWorker> workers;
  for (const auto& row : rows) {
    const auto state = view.find(own(view, "streams"), Key().text("worker/" + text(row, 1)).text(text(row, 0)));
    if (!state || flag(*state, 4)) continue;
    TRY(auto worker, live_worker_from(WorkerId(text(row, 1)), WorkspaceId(text(row, 0)), text(*state, 3), text(row, 5), number(row, 3)));
    if (worker) workers.push_back(*std::move(worker));
  }
  return workers;
}

}  // namespace

Result<DispatchLook> MemoryDispatchStore::look(std::int64_t live_us, const std::vector<std::string>& pools, int per_pool) {
  TRY(const auto view, database_->view("read"));
  TRY_STATUS(alive(view));
  DispatchLook look;
  TRY(look.workers, workers_in(view, live_us));
  look.active = active_in(view);
  if (pools.empty()) return look;
  look.queued = queued_in(view, pools, per_pool);
  std::vector<TaskId> next;
  for (const QueuedTask& task : queued_in(view, pools, std::min(per_pool, kDetailed))) next.push_back(task.id);
  TRY(look.details, details_in(view, next));
  return look;
}

Result<std::vector<QueuedTask>> MemoryDispatchStore::queued(const std::vector<std::string>& pools, int per_pool) {
  TRY(const auto view, database_->view("read"));
  TRY_STATUS(alive(view));
  return queued_in(view, pools, per_pool);
}

Result<std::vector<ActiveTask>> MemoryDispatchStore::active() {
  TRY(const auto view, database_->view("read"));
  TRY_STATUS(alive(view));
  return active_in(view);
}

Result<std::vector<UndeliveredDecision>> MemoryDispatchStore::undelivered_decisions(const std::vector<TaskId>& ids) {
  TRY(const auto view, database_->view("read"));
  TRY_STATUS(alive(view));
  std::vector<UndeliveredDecision> decisions;
  Status readable;
  const auto decided = undelivered(view);
  each_task(view, [&](const rows::Row& row) {
    if (std::find(ids.begin(), ids.end(), TaskId(text(row, kId))) == ids.end()) return;
    std::vector<UndeliveredDecision> of_task;
    for (const rows::Row& approval : decided) {
      if (!is_of(approval, row)) continue;
      UndeliveredDecision& one = of_task.emplace_back();
      one.task = TaskId(text(row, kId));
      one.offer = static_cast<std::uint32_t>(number(approval, kApprovalOffer));
      one.provider_request = text(approval, kProviderRequest);
      if (!one.resolved.ParseFromString(text(approval, kResolvedBytes)))
        readable = make_error(Code::corrupt, "an approval of task " + one.task.str() + " can't be read");
    }
    const std::size_t excess = of_task.size() - std::min<std::size_t>(of_task.size(), kMaxDecisions);
    decisions.insert(decisions.end(), std::make_move_iterator(of_task.begin() + static_cast<std::ptrdiff_t>(excess)),
                     std::make_move_iterator(of_task.end()));
  });
  TRY_STATUS(readable);
  return decisions;
}

Result<std::vector<TaskDetails>> MemoryDispatchStore::details(const std::vector<TaskId>& ids) {
  TRY(const auto view, database_->view("read"));
  TRY_STATUS(alive(view));
  return details_in(view, ids);
}

Result<std::vector<SessionRow>> MemoryDispatchStore::sessions(const std::vector<SessionId>& ids) {
  TRY(const auto view, database_->view("read"));
  TRY_STATUS(alive(view));
  std::vector<SessionRow> sessions;
  if (ids.empty()) return sessions;
  for (const rows::Row& row : all(view, "streams")) {
    const auto id = std::find_if(ids.begin(), ids.end(), [&](const SessionId& one) { return text(row, 1) == events::session_stream(one); });
    if (id == ids.end() || flag(row, 4)) continue;
    SessionRow& one = sessions.emplace_back();
    one.id = *id;
    if (!one.state.ParseFromString(text(row, 3))) return make_error(Code::corrupt, "session " + id->str() + " can't be read");
  }
  return sessions;
}

}  // namespace dossier::producers
