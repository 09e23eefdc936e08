// Decisions on a worker's presence.
#include "producers/commands/worker.hpp"

#include <optional>

#include "events/names.hpp"
#include "events/worker.hpp"
#include "producers/commands/decision_builder.hpp"

namespace dossier::producers::commands {
namespace {

Decide on_worker(WorkerId worker, std::function<std::optional<v1::WorkerEvent>(const v1::WorkerState&)> decide) {
  return [worker = std::move(worker), decide = std::move(decide)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::worker_stream(worker);
    TRY(const auto state, decision.rely<v1::WorkerState>(stream));
    if (state.worker_id().empty()) return make_error(Code::not_found, "no such worker");
    if (const auto event = decide(state)) decision.add(stream, {}, *event);
    return decision.finish();
  };
}

}  // namespace

Decide mark_worker_online(WorkerId worker, std::string boot_id) {
  return on_worker(std::move(worker), [boot_id = std::move(boot_id)](const v1::WorkerState& state) { return events::worker_online(state, boot_id); });
}

Decide mark_worker_lost(WorkerId worker, std::int64_t last_seen_us) {
  return on_worker(std::move(worker), [last_seen_us](const v1::WorkerState& state) { return events::worker_lost(state, last_seen_us); });
}

}  // namespace dossier::producers::commands
