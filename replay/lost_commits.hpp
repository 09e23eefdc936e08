// Lost commits for the operator: one line of JSON each, with what it did and its bytes, so that it can be judged and sent
// again by hand.
#pragma once

#include <string>

#include "projections/store.hpp"

namespace dossier::replay {

// {"partition":…,"offset":…,"workspace_id":…,"seq":…,"commit_id":…,"time":…,"actor":…,"events":[…],"record":"<base64url>"}
// and a line end. `row`: of an accepted commit.
std::string lost_commit_line(const projections::JournalRow& row);

}  // namespace dossier::replay
