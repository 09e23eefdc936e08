// LogIdentityStore on dossier.meta.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/postgres/connection.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/commit_log.hpp"

namespace dossier::producers {

class PostgresLogIdentity final : public LogIdentityStore {
 public:
  explicit PostgresLogIdentity(std::string url) : url_(std::move(url)) {}
  Result<std::optional<LogIdentity>> load() override {
    TRY(const auto stored, postgres::log_identity(url_));
    if (!stored) return std::optional<LogIdentity>();
    return std::optional<LogIdentity>(LogIdentity{stored->log_id, stored->partitions});
  }
  Result<LogIdentity> adopt(const LogIdentity& identity) override {
    const Status bound = postgres::bind_log(url_, {identity.log_id, identity.partitions});
    if (bound) return identity;
    if (bound.error().code != Code::log_mismatch) return bound.error();
    TRY(const auto first, load());  // another process was first, or it belongs to another log: the caller compares
    if (!first) return bound.error();
    return *first;
  }
  Result<std::vector<std::int32_t>> journaled() override {
    TRY(const auto connection, postgres::Connection::open({.url = url_}));
    TRY(const auto rows, connection->query("SELECT n FROM dossier.meta, generate_series(0, partitions - 1) AS n "
                                           "WHERE EXISTS (SELECT 1 FROM dossier.journal WHERE partition = n)"));
    std::vector<std::int32_t> partitions;
    for (const auto row : rows) partitions.push_back(row.int32(0));
    return partitions;
  }

 private:
  const std::string url_;
};

}  // namespace dossier::producers
