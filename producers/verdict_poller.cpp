// Looks as often as somebody needs it.
#include "producers/verdict_poller.hpp"

#include <algorithm>

namespace dossier::producers {

VerdictPoller::VerdictPoller(VerdictBoard& board, VerdictSource& source, const Clock& clock, Options options)
    : board_(board), source_(source), clock_(clock), options_(options), local_(static_cast<std::size_t>(board.partitions())) {}

void VerdictPoller::set_local(const std::vector<std::int32_t>& partitions) {
  std::fill(local_.begin(), local_.end(), false);
  for (const std::int32_t partition : partitions) local_.at(static_cast<std::size_t>(partition)) = true;
}

Result<std::int64_t> VerdictPoller::step() {
  const std::int64_t now = clock_.boot_us();
  const auto waits = board_.unanswered(options_.max_waits);
  const bool remote = std::any_of(waits.begin(), waits.end(), [&](const auto& wait) { return !local_[static_cast<std::size_t>(wait.partition)]; });
  const std::int64_t every = remote ? options_.waiting_us : waits.empty() ? options_.idle_us : options_.local_us;
  // New waits may come any moment: where another process answers them, nobody sleeps longer than it takes to see them.
  const bool all_local = std::find(local_.begin(), local_.end(), false) == local_.end();
  const std::int64_t nap = std::min(all_local ? options_.local_us / 5 : options_.waiting_us, every);
  if (looked_us_ != 0 && now - looked_us_ < every) return nap;
  TRY(const VerdictSource::Look look, source_.look(waits));
  looked_us_ = now;
  for (const Progress& progress : look.progress)
    if (!local_[static_cast<std::size_t>(progress.partition)]) board_.progressed(progress);
  for (const auto& answer : look.answers) board_.answer(answer.partition, answer.decided);
  return nap;
}

}  // namespace dossier::producers
