// Terms in broker time.
#include "producers/lease_book.hpp"

#include <algorithm>

#include "base/mutation.hpp"

namespace dossier::producers {

void LeaseBook::advance(std::int64_t append_time_us) {
  if (append_time_us <= now_us_) return;
  const bool was_break = append_time_us - now_us_ > kBreakUs;
  now_us_ = append_time_us;
  if (was_break && !mutation::on(mutation::Name::lease_by_wall_clock)) restart();
}

void LeaseBook::restart() { term_start_us_ = now_us_; }

void LeaseBook::hold(const TaskId& task, std::uint32_t offer, const WorkspaceId& workspace, const WorkerId& worker) {
  Lease& lease = leases_[task];
  if (lease.offer > offer) return;
  lease = Lease{task, offer, workspace, worker, now_us_};
}

bool LeaseBook::renew(const TaskId& task, std::uint32_t offer, const WorkerId& worker) {
  const auto it = leases_.find(task);
  if (it == leases_.end() || it->second.offer != offer || it->second.worker != worker) return false;
  it->second.renewed_us = now_us_;
  return true;
}

void LeaseBook::drop(const TaskId& task, std::uint32_t offer) {
  const auto it = leases_.find(task);
  if (it != leases_.end() && it->second.offer <= offer) leases_.erase(it);
}

bool LeaseBook::holds(const TaskId& task, std::uint32_t offer, const WorkerId& worker) const {
  const auto it = leases_.find(task);
  return it != leases_.end() && it->second.offer == offer && it->second.worker == worker;
}

bool LeaseBook::is_over(std::int64_t last_us) const { return now_us_ - std::max(last_us, term_start_us_) > events::kLeaseUs; }

std::vector<Lease> LeaseBook::expired() const {
  std::vector<Lease> over;
  for (const auto& [task, lease] : leases_)
    if (is_over(lease.renewed_us)) over.push_back(lease);
  return over;
}

}  // namespace dossier::producers
