// Generations of read models: made beside the live one, switched in one transaction, dropped.
#include <map>

#include "platform/postgres/admin_work.hpp"
#include "platform/postgres/connection.hpp"
#include "platform/postgres/migrate.hpp"
#include "schemas/sql/sql_files.hpp"

namespace dossier::postgres {

namespace {

constexpr std::string_view kFolder = "generation/";
constexpr const char* kLockGenerations = "SELECT pg_advisory_xact_lock(7164026912)";  // one change of generations at a time

Result<GenerationState> state_from(const std::string& text) {
  for (const auto state : {GenerationState::building, GenerationState::live, GenerationState::old})
    if (to_string(state) == text) return state;
  return make_error(Code::corrupt, "a generation has the unknown state " + text);
}

Result<std::vector<Generation>> read_generations(pqxx::transaction_base& work) {
  std::vector<Generation> out;
  for (const auto& row : work.exec("SELECT number, digest, state FROM dossier.generations ORDER BY number")) {
    TRY(const auto state, state_from(row[2].as<std::string>()));
    out.push_back(Generation{row[0].as<std::int64_t>(), row[1].as<std::string>(), state});
  }
  return out;
}

struct Stand {
  std::int64_t next_offset = 0;
  std::string last_hash;
};

// Locks a generation's positions against its projector and reads them.
std::map<std::int32_t, Stand> locked_positions(pqxx::work& work, std::int64_t number) {
  std::map<std::int32_t, Stand> out;
  const std::string table = generation_schema(number) + ".positions";
  work.exec("LOCK TABLE " + table + " IN EXCLUSIVE MODE");
  for (const auto& row : work.exec("SELECT partition, next_offset, encode(last_hash, 'hex') FROM " + table))
    out[row[0].as<std::int32_t>()] = Stand{row[1].as<std::int64_t>(), row[2].as<std::string>()};
  return out;
}

// The new generation must know all that readers of the live one may have seen, of the same log.
Status may_replace(pqxx::work& work, std::int64_t live, std::int64_t next) {
  const auto before = locked_positions(work, live);
  const auto after = locked_positions(work, next);
  for (const auto& [partition, stand] : before) {
    const auto it = after.find(partition);
    const std::string where = "generation " + std::to_string(next) + " on partition " + std::to_string(partition);
    if (it == after.end() || it->second.next_offset < stand.next_offset)
      return make_error(Code::conflict, where + " is behind the live generation: let its projector catch up, then switch again");
    if (it->second.next_offset == stand.next_offset && it->second.last_hash != stand.last_hash)
      return make_error(Code::log_mismatch, where + " has read another record than the live generation: verify the log");
  }
  const std::string heads = generation_schema(live) + ".heads l JOIN " + generation_schema(next) + ".heads n USING (workspace)";
  const auto differing = work.exec("SELECT workspace FROM " + heads + " WHERE l.seq = n.seq AND l.chain <> n.chain LIMIT 1");
  if (!differing.empty())
    return make_error(Code::log_mismatch,
                      "the generations disagree about the chain of workspace " + differing[0][0].as<std::string>() + ": verify the log");
  const auto missing = work.exec("SELECT l.workspace FROM " + generation_schema(live) + ".heads l LEFT JOIN " + generation_schema(next) +
                                 ".heads n USING (workspace) WHERE n.workspace IS NULL OR n.seq < l.seq LIMIT 1");
  if (!missing.empty())
    return make_error(Code::conflict, "generation " + std::to_string(next) + " lacks commits of workspace " + missing[0][0].as<std::string>());
  return {};
}

}  // namespace

std::string_view to_string(GenerationState state) noexcept {
  switch (state) {
    case GenerationState::building: return "building";
    case GenerationState::live: return "live";
    case GenerationState::old: return "old";
  }
  return "building";
}

Result<std::vector<Generation>> generations(const std::string& url) {
  return admin_work<std::vector<Generation>>(url, [](pqxx::connection& connection) -> Result<std::vector<Generation>> {
    pqxx::work work(connection);
    return read_generations(work);
  });
}

Result<Generation> create_generation(const std::string& url, std::string_view digest) {
  return admin_work<Generation>(url, [&](pqxx::connection& connection) -> Result<Generation> {
    pqxx::work work(connection);
    work.exec(kLockGenerations);
    TRY(const auto present, read_generations(work));
    for (const auto& generation : present)
      if (generation.digest == digest && generation.state != GenerationState::old)
        return make_error(Code::already_exists, "generation " + std::to_string(generation.number) + " has this digest already");
    // The rows of a dropped generation stay away, so that a number never means two things to a connection that has it.
    const auto row = work.exec("SELECT nextval('dossier.generation_numbers')");
    const Generation made{row[0][0].as<std::int64_t>(), std::string(digest), GenerationState::building};
    work.exec("CREATE SCHEMA " + generation_schema(made.number));
    work.exec("SET LOCAL search_path = " + generation_schema(made.number) + ", dossier");
    for (const auto& file : sql::files())
      if (file.name.substr(0, kFolder.size()) == kFolder) work.exec(std::string(file.text));
    work.exec_params("INSERT INTO dossier.generations (number, digest, state) VALUES ($1, $2, 'building')", made.number, made.digest);
    work.commit();
    return made;
  });
}

Status switch_generation(const std::string& url, std::int64_t number) {
  return admin_work<void>(url, [&](pqxx::connection& connection) -> Status {
    pqxx::work work(connection);
    work.exec(kLockGenerations);
    TRY(const auto present, read_generations(work));
    const Generation* next = nullptr;
    const Generation* live = nullptr;
    for (const auto& generation : present) {
      if (generation.number == number) next = &generation;
      if (generation.state == GenerationState::live) live = &generation;
    }
    if (!next) return make_error(Code::not_found, "there is no generation " + std::to_string(number));
    if (next == live) return {};
    if (live) {
      TRY_STATUS(may_replace(work, live->number, number));
      work.exec_params("UPDATE dossier.generations SET state = 'old' WHERE number = $1", live->number);
    }
    work.exec_params("UPDATE dossier.generations SET state = 'live' WHERE number = $1", number);
    work.commit();
    return {};
  });
}

Status drop_generation(const std::string& url, std::int64_t number) {
  return admin_work<void>(url, [&](pqxx::connection& connection) -> Status {
    pqxx::work work(connection);
    work.exec(kLockGenerations);
    const auto row = work.exec_params("DELETE FROM dossier.generations WHERE number = $1 RETURNING state", number);
    if (row.empty()) return make_error(Code::not_found, "there is no generation " + std::to_string(number));
    if (row[0][0].as<std::string>() == "live") return make_error(Code::conflict, "generation " + std::to_string(number) + " is live");
    work.exec("DROP SCHEMA " + generation_schema(number) + " CASCADE");
    work.exec_params("DELETE FROM dossier.parked WHERE generation = $1", number);
    work.commit();
    return {};
  });
}

}  // namespace dossier::postgres
