// Time travel for the API: an issue as of a moment, from the journal, found by the timeline's rows. One snapshot.
#pragma once

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/postgres/pool.hpp"
#include "replay/entry.hpp"

namespace dossier::replay {

// The document's JSON; nullopt: the issue did not exist in this workspace at that moment.
Result<std::optional<std::string>> issue_json_at(postgres::ReadTransaction& snapshot, const WorkspaceId& workspace, const IssueId& issue,
                                                 const Until& at);

}  // namespace dossier::replay
