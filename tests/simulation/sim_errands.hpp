// What people do about what they see: an open question is decided by one or two of them, at once or after a while; what was
// said to an agent at work is steered into its turn. They learn of it from the log, so a server may not know of it yet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "producers/command.hpp"
#include "tests/simulation/log_model.hpp"
#include "tests/simulation/random.hpp"

namespace dossier::simulation {

struct Errand {
  LogModel::News about;
  std::string decision;  // of a question
  std::string what() const;
  producers::Decide command() const;
};

class SimErrands {
 public:
  SimErrands(const Clock& clock, Random& random, LogModel& model, const bool& stormy)
      : clock_(clock), random_(random), model_(model), stormy_(stormy) {}
  // Events were stored: whoever is concerned hears of it.
  void look();
  using Desk = std::multimap<std::int64_t, Errand>;  // of a workspace: what waits, by when
  // Stays where it is.
  Desk& desk(const WorkspaceId& workspace) { return desks_[workspace.str()]; }
  // One that is due there.
  std::optional<Errand> take(Desk& desk);
  // There is a final answer. Who still sees the question open decides it once more.
  void answered(const Errand& errand);

 private:
  void add(const LogModel::News& about, std::int64_t due_us);

  const Clock& clock_;
  Random& random_;
  LogModel& model_;
  const bool& stormy_;
  std::map<std::string, Desk> desks_;  // by workspace
};

}  // namespace dossier::simulation
