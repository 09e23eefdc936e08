// What must hold at the end of a run, judged from the log itself by the ledger and by a projection from its beginning.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/sim_clients.hpp"

namespace dossier::simulation {

struct Evidence {
  memory::MemoryBroker& broker;
  std::shared_ptr<memory::MemoryDatabase> database;
  const events::Topics& topics;
  const producers::LogIdentity& log;
  const std::vector<std::shared_ptr<Request>>& requests;
  const Clock& clock;
};

// The positions in the database have reached the end of the log.
bool applied_to_the_end(const Evidence& evidence);

// Empty: all of it holds. Otherwise the first thing that does not.
//  - an acknowledged commit is in the log, accepted exactly once, with the seq that was told
//  - a refusal means that nothing was accepted, unless an earlier answer to the same request had left it open
//  - seq is dense in every workspace; the journal is the log, record by record
//  - at most one claim is accepted for an offer, and only one lease at a time
//  - the read models and states are what a projection from the log's beginning makes
std::string check_everything(const Evidence& evidence);

}  // namespace dossier::simulation
