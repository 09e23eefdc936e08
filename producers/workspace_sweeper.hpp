// Making a workspace takes three commits in two domains (producers/commands/identity.hpp). Whoever asked takes them one
// after the other; if that process ends in between, the sweeper takes the next ones. Their ids are the same in every
// process, so it does not matter who does.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "platform/postgres/pool.hpp"
#include "producers/command_runner.hpp"

namespace dossier::producers {

class WorkspaceSweeper {
 public:
  static constexpr std::int64_t kEveryUs = 5'000'000;
  static constexpr int kMaxAtOnce = 100;
  static constexpr std::int64_t kMinAgeUs = 3'000'000;  // younger ones are most likely being made right now

  WorkspaceSweeper(postgres::Pool& pool, CommandRunner& runner, const Clock& clock) : pool_(pool), runner_(runner), clock_(clock) {}

  // Takes the next steps of every workspace that was begun and not finished. Blocks while they are decided; never on the
  // runner's executor. Returns how many were finished.
  Result<int> sweep();

 private:
  Result<std::vector<v1::WorkspaceCreated>> unfinished();
  postgres::Pool& pool_;
  CommandRunner& runner_;
  const Clock& clock_;
};

}  // namespace dossier::producers
