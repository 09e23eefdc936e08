// Reads of one snapshot with the live generation, and short writes.
#include <string>
#include <utility>

#include "base/check.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::postgres {

namespace {

constexpr std::string_view kBeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr std::string_view kBeginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
constexpr std::string_view kLive = "SELECT coalesce((SELECT number FROM dossier.generations WHERE state = 'live'), 0)";
constexpr int kGenerationTries = 4;  // a switch between two looks is rare, two in a row do not happen

std::vector<StatementRef> refs(std::span<const Statement> statements) {
  std::vector<StatementRef> out;
  out.reserve(statements.size() + 2);
  for (const auto& statement : statements) out.push_back(StatementRef{statement.sql, &statement.params});
  return out;
}

// Runs the statements in one snapshot in which the connection points at the live generation. `begin`: leave the
// transaction open; else it ends with the batch.
Result<std::vector<ResultSet>> read_batch(Connection& connection, std::span<const StatementRef> statements, bool begin, std::int64_t& generation) {
  std::vector<StatementRef> batch;
  batch.reserve(statements.size() + 2);
  if (begin) batch.push_back({kBeginRead, nullptr});
  batch.push_back({kLive, nullptr});
  const auto prefix = batch.size();
  batch.insert(batch.end(), statements.begin(), statements.end());
  for (int attempt = 0; attempt < kGenerationTries; ++attempt) {
    BatchResult result = connection.run(batch);
    // A statement may have failed just because its tables are in a generation that is gone; so look at this first.
    if (result.sets.size() >= prefix) {
      generation = result.sets[prefix - 1].front().int64(0);
      if (generation != connection.generation()) {
        if (begin) connection.send_and_forget("ROLLBACK");
        TRY_STATUS(connection.use_generation(generation));
        continue;
      }
    }
    if (result.failed) {
      if (begin) connection.send_and_forget("ROLLBACK");
      return to_error(*result.failed);
    }
    result.sets.erase(result.sets.begin(), result.sets.begin() + static_cast<std::ptrdiff_t>(prefix));
    return std::move(result.sets);
  }
  return make_error(Code::contention, "the live generation changed at every look");
}

Result<std::vector<ResultSet>> write_batch(Connection& connection, std::span<const StatementRef> statements) {
  std::vector<StatementRef> batch;
  batch.reserve(statements.size() + 2);
  batch.push_back({kBeginWrite, nullptr});
  batch.insert(batch.end(), statements.begin(), statements.end());
  batch.push_back({"COMMIT", nullptr});
  BatchResult result = connection.run(batch);
  if (result.failed) {
    connection.send_and_forget("ROLLBACK");
    return to_error(*result.failed);
  }
  result.sets.pop_back();
  result.sets.erase(result.sets.begin());
  return std::move(result.sets);
}

}  // namespace

Result<ReadTransaction> Pool::read() {
  TRY(auto lease, acquire());
  return ReadTransaction(std::move(lease));
}

Result<WriteTransaction> Pool::write() {
  TRY(auto lease, acquire());
  return WriteTransaction(std::move(lease));
}

Result<std::vector<ResultSet>> Pool::read_refs(std::span<const StatementRef> statements) {
  for (int attempt = 0;; ++attempt) {
    TRY(auto lease, acquire());
    std::int64_t generation = 0;
    auto sets = read_batch(*lease, statements, false, generation);
    // A read does no harm twice: an idle connection may have died unnoticed.
    if (!sets && sets.error().code == Code::database_unavailable && lease->known_broken() && attempt == 0) continue;
    return sets;
  }
}

Result<std::vector<ResultSet>> Pool::read_all(std::span<const Statement> statements) { return read_refs(refs(statements)); }

Result<ResultSet> Pool::read_one(std::string_view sql, const Params& params) {
  const StatementRef statement{sql, &params};
  TRY(auto sets, read_refs({&statement, 1}));
  return std::move(sets.front());
}

Result<std::vector<ResultSet>> Pool::write_all(std::span<const Statement> statements) {
  TRY(auto lease, acquire());
  return write_batch(*lease, refs(statements));
}

Result<ResultSet> Pool::write_one(std::string_view sql, const Params& params) {
  TRY(auto lease, acquire());
  const StatementRef statement{sql, &params};
  TRY(auto sets, write_batch(*lease, {&statement, 1}));
  return std::move(sets.front());
}

ReadTransaction::ReadTransaction(ReadTransaction&& other) noexcept
    : lease_(std::move(other.lease_)), open_(std::exchange(other.open_, false)), generation_(other.generation_) {}

ReadTransaction::~ReadTransaction() {
  if (open_ && lease_) lease_->send_and_forget("COMMIT");
}

Result<std::vector<ResultSet>> ReadTransaction::query_refs(std::span<const StatementRef> statements) {
  if (!open_) {
    TRY(auto sets, read_batch(*lease_, statements, true, generation_));
    open_ = true;
    return sets;
  }
  BatchResult result = lease_->run(statements);
  if (result.failed) return to_error(*result.failed);
  return std::move(result.sets);
}

Result<std::vector<ResultSet>> ReadTransaction::query_all(std::span<const Statement> statements) { return query_refs(refs(statements)); }

Result<ResultSet> ReadTransaction::query(std::string_view sql, const Params& params) {
  const StatementRef statement{sql, &params};
  TRY(auto sets, query_refs({&statement, 1}));
  return std::move(sets.front());
}

WriteTransaction::WriteTransaction(WriteTransaction&& other) noexcept : lease_(std::move(other.lease_)), open_(std::exchange(other.open_, false)) {}

WriteTransaction::~WriteTransaction() {
  if (open_ && lease_) lease_->send_and_forget("ROLLBACK");
}

Result<ResultSet> WriteTransaction::query(std::string_view sql, const Params& params) {
  const StatementRef batch[] = {{kBeginWrite, nullptr}, {sql, &params}};
  BatchResult result = lease_->run(std::span(batch).subspan(open_ ? 1 : 0));
  open_ = true;
  if (result.failed) return to_error(*result.failed);
  return std::move(result.sets.back());
}

Status WriteTransaction::commit() {
  if (!open_) return {};
  const StatementRef statement{"COMMIT", nullptr};
  BatchResult result = lease_->run({&statement, 1});
  open_ = false;
  if (result.failed) return to_error(*result.failed);
  // COMMIT of a transaction in which a statement failed says ROLLBACK.
  if (result.sets.front().command() != "COMMIT") return make_error(Code::conflict, "the transaction was rolled back: a statement in it failed");
  return {};
}

}  // namespace dossier::postgres
