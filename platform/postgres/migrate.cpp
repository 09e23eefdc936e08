// Migrations of schema `dossier`: each file once, in order, under one advisory lock, with its checksum kept.
#include "platform/postgres/migrate.hpp"

#include <map>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/postgres/admin_work.hpp"
#include "schemas/sql/sql_files.hpp"

namespace dossier::postgres {

namespace {

constexpr const char* kLockMigrations = "SELECT pg_advisory_xact_lock(7164026911)";  // "dossier" of all programs of this kind
constexpr const char* kLedgerOfFiles =
    "CREATE SCHEMA IF NOT EXISTS dossier;"
    "CREATE TABLE IF NOT EXISTS dossier.migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied timestamptz NOT NULL DEFAULT now())";

bool is_migration(std::string_view name) { return name.find('/') == std::string_view::npos; }

Result<std::map<std::string, std::string>> applied_files(pqxx::work& work) {
  std::map<std::string, std::string> out;
  for (const auto& row : work.exec("SELECT name, sha256 FROM dossier.migrations")) out[row[0].as<std::string>()] = row[1].as<std::string>();
  return out;
}

// What is left to apply, or why nothing may be.
Result<std::vector<const sql::File*>> pending(std::map<std::string, std::string> applied) {
  std::vector<const sql::File*> out;
  for (const auto& file : sql::files()) {
    if (!is_migration(file.name)) continue;
    const auto it = applied.find(std::string(file.name));
    if (it == applied.end()) {
      out.push_back(&file);
      continue;
    }
    if (it->second != to_hex(crypto::view(crypto::sha256(file.text))))
      return make_error(Code::corrupt, "migration " + it->first +
                                           " was applied with another text: this database was made by another "
                                           "build of the program; use that one, or a new database");
    applied.erase(it);
  }
  if (!applied.empty())
    return make_error(Code::upgrade_required,
                      "the database has migration " + applied.begin()->first + ", which this program does not know: start the newer program");
  return out;
}

}  // namespace

Status migrate(const std::string& url) {
  return admin_work<void>(url, [](pqxx::connection& connection) -> Status {
    pqxx::work work(connection);
    work.exec("SET LOCAL client_min_messages = warning");
    work.exec(kLockMigrations);
    work.exec(kLedgerOfFiles);
    TRY(const auto applied, applied_files(work));
    TRY(const auto files, pending(applied));
    for (const auto* file : files) {
      work.exec(std::string(file->text));
      work.exec_params("INSERT INTO dossier.migrations (name, sha256) VALUES ($1, $2)", std::string(file->name),
                       to_hex(crypto::view(crypto::sha256(file->text))));
      log::info("postgres", "migration=" + std::string(file->name) + " applied");
    }
    work.commit();
    return {};
  });
}

Result<std::optional<LogIdentity>> log_identity(const std::string& url) {
  return admin_work<std::optional<LogIdentity>>(url, [](pqxx::connection& connection) -> Result<std::optional<LogIdentity>> {
    pqxx::work work(connection);
    const auto rows = work.exec("SELECT log_id, partitions FROM dossier.meta");
    if (rows.empty()) return std::optional<LogIdentity>();
    return std::optional<LogIdentity>(LogIdentity{rows[0][0].as<std::string>(), rows[0][1].as<std::int32_t>()});
  });
}

Status bind_log(const std::string& url, const LogIdentity& identity) {
  return admin_work<void>(url, [&](pqxx::connection& connection) -> Status {
    pqxx::work work(connection);
    work.exec_params("INSERT INTO dossier.meta (log_id, partitions) VALUES ($1, $2) ON CONFLICT DO NOTHING", identity.log_id, identity.partitions);
    const auto rows = work.exec("SELECT log_id, partitions FROM dossier.meta");
    const LogIdentity bound{rows[0][0].as<std::string>(), rows[0][1].as<std::int32_t>()};
    if (bound.log_id != identity.log_id || bound.partitions != identity.partitions)
      return make_error(Code::log_mismatch, "this database belongs to log " + bound.log_id + " with " + std::to_string(bound.partitions) +
                                                " partitions, and the broker has log " + identity.log_id + " with " +
                                                std::to_string(identity.partitions) + ": point at the right pair, or use a new database");
    work.commit();
    return {};
  });
}

Result<std::string> create_database(const std::string& url, std::string_view name) {
  TRY_STATUS(admin_work<void>(url, [&](pqxx::connection& connection) -> Status {
    pqxx::nontransaction work(connection);
    work.exec("CREATE DATABASE " + work.quote_name(std::string(name)));
    return {};
  }));
  // The URL forms libpq reads: postgresql://host/db?x=y, or keywords, where the last dbname counts.
  if (url.rfind("postgres", 0) != 0 || url.find("://") == std::string::npos) return url + " dbname=" + std::string(name);
  const auto query = url.find('?');
  const auto authority = url.find("://") + 3;
  const auto slash = url.find('/', authority);
  const auto end = std::min(query, slash);
  return url.substr(0, end) + "/" + std::string(name) + (query == std::string::npos ? "" : url.substr(query));
}

Status drop_database(const std::string& url, std::string_view name) {
  return admin_work<void>(url, [&](pqxx::connection& connection) -> Status {
    pqxx::nontransaction work(connection);
    work.exec("DROP DATABASE IF EXISTS " + work.quote_name(std::string(name)) + " WITH (FORCE)");
    return {};
  });
}

}  // namespace dossier::postgres
