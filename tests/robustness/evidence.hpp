// What must hold once the harm is over: the log itself, read once more from Kafka, against the journal, against what
// clients were told, against the read models.
#pragma once

#include <string>
#include <vector>

#include "tests/support/installation.hpp"
#include "tests/support/log_judge.hpp"

namespace dossier::test {

// Every task of the workspace has ended. False at the deadline, and `open` says which has not.
bool all_tasks_end(Installation& at, std::int64_t deadline_ms, std::string& open);

// Empty: all of it holds. Otherwise the first thing that does not.
//  - what LogJudge checks of the log and of the commands
//  - the journal is the log, record by record, verdict by verdict
//  - `dossier verify --workspace` passes: chain, journal, read models
//  - `dossier admin rebuild` folds the log anew and finds the same rows in every read model
std::string check_evidence(Installation& at, const std::vector<AskedCommand>& commands, LogJudge& judge);

// The values of every record of `dossier.events`, by partition. Throws std::runtime_error if it can't be read.
std::vector<std::vector<std::string>> read_events(Installation& at);

}  // namespace dossier::test
