// The leases of one partition of dossier.reports, in broker time: a lease ends when the partition was read for a whole
// term past the last sign of its holder. Broker time moves only with records that were read, so a slow server, a clock
// that jumps or a restart ends nothing; after a break in the record times themselves (broker or server were away) every
// lease gets a full term. Pure: no clock, no I/O. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.hpp"
#include "events/task.hpp"

namespace dossier::producers {

struct Lease {
  TaskId task;
  std::uint32_t offer = 0;
  WorkspaceId workspace;
  WorkerId worker;
  std::int64_t renewed_us = 0;  // broker time
};

class LeaseBook {
 public:
  // While there are leases the server appends a tick every second, so a hole this large means that nobody could report.
  static constexpr std::int64_t kBreakUs = 10'000'000;

  // The next record's broker time. Never moves back.
  void advance(std::int64_t append_time_us);
  // Every lease gets a full term from now (a new owner, after it read all there was).
  void restart();
  // A new lease, or a renewal of the same one. An older offer of the task is replaced, a newer one stays.
  void hold(const TaskId& task, std::uint32_t offer, const WorkspaceId& workspace, const WorkerId& worker);
  // The holder gave a sign of life for it. False: no such lease.
  bool renew(const TaskId& task, std::uint32_t offer, const WorkerId& worker);
  void drop(const TaskId& task, std::uint32_t offer);
  bool holds(const TaskId& task, std::uint32_t offer, const WorkerId& worker) const;

  std::vector<Lease> expired() const;
  // True where a sign of life at `last_us` is older than a term (of workers' presence, by the same clock).
  bool is_over(std::int64_t last_us) const;
  bool empty() const { return leases_.empty(); }
  std::size_t size() const { return leases_.size(); }
  std::int64_t now_us() const { return now_us_; }

 private:
  std::map<TaskId, Lease> leases_;
  std::int64_t now_us_ = 0;
  std::int64_t term_start_us_ = 0;  // of the last break or restart
};

}  // namespace dossier::producers
