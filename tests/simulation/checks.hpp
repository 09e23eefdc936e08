// What must hold at each answer and at the end of a run, by the model of the log and by a projection from its beginning.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/log_model.hpp"
#include "tests/simulation/sim_clients.hpp"

namespace dossier::simulation {

struct Evidence {
  memory::MemoryBroker& broker;
  std::shared_ptr<memory::MemoryDatabase> database;
  const events::Topics& topics;
  const producers::LogIdentity& log;
  const LogModel& model;
  const Clock& clock;
};

// The position of each partition in the database; -1: none.
std::vector<std::int64_t> positions(const Evidence& evidence);

// A final answer, when it is given: what it says is in the log (or nothing is), and applied up to `applied` by then.
std::string check_answer(const Evidence& evidence, const Request& request, const Result<producers::Committed>& answer,
                         const std::vector<std::int64_t>& applied);

// The partitions whose log is not what was applied of it: they must have halted.
std::set<std::int32_t> contradicted_partitions(const Evidence& evidence);

// Everything at the end. Empty: all of it holds. Otherwise the first thing that does not.
//  - the journal is the log, record by record, with the model's verdicts; seq is dense
//  - an acknowledged commit is in the log, accepted exactly once, with the seq that was told; of a contradicted partition it
//    is in the journal
//  - a refusal means that nothing was accepted, unless an earlier answer to the same request had left it open
//  - the read models and states are what a projection from the log's beginning makes
std::string check_everything(const Evidence& evidence, const std::vector<std::shared_ptr<Request>>& requests,
                             const std::set<std::int32_t>& contradicted);

}  // namespace dossier::simulation
