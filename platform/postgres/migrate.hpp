// The schema of the database: migrations of `dossier`, and generations of read models `g1`, `g2`, …
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace dossier::postgres {

enum class GenerationState : std::uint8_t { building, live, old };
std::string_view to_string(GenerationState state) noexcept;

struct Generation {
  std::int64_t number = 0;
  std::string digest;  // versions of the code that folds it: another digest is another generation
  GenerationState state = GenerationState::building;
};

// Brings schema `dossier` to this program's version. Safe when many processes start at once (advisory lock). corrupt: a
// migration that was applied has other text now; upgrade_required: the database has one which this program lacks.
Status migrate(const std::string& url);

// All generations, oldest first.
Result<std::vector<Generation>> generations(const std::string& url);
// Makes schema g<n> with all tables of generation/*.sql, state building, in one transaction. already_exists: one with
// this digest is there, building or live (its number is in the list).
Result<Generation> create_generation(const std::string& url, std::string_view digest);
// Makes a building (or old) generation live in one transaction that locks both generations' positions: conflict unless
// it is at or past the live one on every partition, with equal chain heads where they stand at the same offset.
Status switch_generation(const std::string& url, std::int64_t number);
// conflict: it is live.
Status drop_generation(const std::string& url, std::int64_t number);
// For tests and `dossier admin`: a database of this name on the server of `url`; the returned URL points at it.
Result<std::string> create_database(const std::string& url, std::string_view name);
Status drop_database(const std::string& url, std::string_view name);

// What every start checks: the log that this database belongs to. Written once; log_mismatch: it belongs to another.
struct LogIdentity {
  std::string log_id;
  std::int32_t partitions = 0;
};
Result<std::optional<LogIdentity>> log_identity(const std::string& url);
Status bind_log(const std::string& url, const LogIdentity& identity);

}  // namespace dossier::postgres
