// Finishes what others began.
#include "producers/workspace_sweeper.hpp"

#include "base/log.hpp"
#include "dossier/v1/state.pb.h"
#include "producers/commands/identity.hpp"

namespace dossier::producers {
namespace {

// A reserved slug that is not confirmed, and old enough by the time of the commit that reserved it.
constexpr std::string_view kUnfinished = R"sql(
SELECT s.state FROM names AS n
JOIN streams AS s ON s.stream = n.stream AND s.workspace = n.workspace
LEFT JOIN dossier.journal AS j ON j.workspace = n.workspace AND j.seq = n.seq AND j.verdict = 1
WHERE n.workspace = 'identity' AND n.stream LIKE 'slug/%' AND n.owner <> '' AND NOT n.confirmed
  AND COALESCE(j.time_us, 0) < $1
ORDER BY n.seq LIMIT $2
)sql";

Status run(CommandRunner& runner, CommandContext context, Decide decide) {
  Command command;
  command.context = std::move(context);
  command.decide = std::move(decide);
  auto done = runner.run_and_wait(std::move(command));
  if (!done) return std::move(done).error();
  return {};
}

}  // namespace

Result<std::vector<v1::WorkspaceCreated>> WorkspaceSweeper::unfinished() {
  TRY(const auto rows, pool_.read_one(kUnfinished, postgres::Params().int8(clock_.wall_us() - kMinAgeUs).int8(kMaxAtOnce)));
  std::vector<v1::WorkspaceCreated> found;
  for (const auto row : rows) {
    v1::NameState state;
    const std::string_view bytes = row.bytes(0);
    if (state.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && state.has_workspace() && !state.confirmed())
      found.push_back(state.workspace());
  }
  return found;
}

Result<int> WorkspaceSweeper::sweep() {
  TRY(const auto begun, unfinished());
  int finished = 0;
  for (const v1::WorkspaceCreated& workspace : begun) {
    log::info("producers", "finishing workspace " + workspace.workspace_id() + ", which another process began");
    Status step = run(runner_, commands::create_workspace_context(workspace), commands::create_workspace(workspace));
    if (step) step = run(runner_, commands::confirm_workspace_context(workspace), commands::confirm_workspace(workspace));
    if (step)
      ++finished;
    else
      log::warn("producers", "workspace " + workspace.workspace_id() + " is not finished yet: " + step.error().message);
  }
  return finished;
}

}  // namespace dossier::producers
