// Which counter a command's end belongs to.
#include "producers/runner_metrics.hpp"

namespace dossier::producers {

void RunnerMetrics::count(const Result<Committed>& result, std::int64_t took_us) {
  const auto add = [](std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); };
  if (result) {
    if (result->repeated) return add(repeated);
    if (result->commit.offset < 0) return add(unchanged);
    latency_us.observe(took_us);
    return add(accepted);
  }
  const Code code = result.error().code;
  if (code == Code::undecided) return add(undecided);
  if (code == Code::unacknowledged) return add(unacknowledged);
  if (code == Code::contention) return add(contended);
  if (is_transient(code) || code == Code::internal) return add(failed);
  add(refused);
}

}  // namespace dossier::producers
