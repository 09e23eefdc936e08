// A bounded pool of connections, and the three ways to use one: a read (one snapshot, live generation), a write
// transaction, a lease of the connection itself. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/postgres/connection.hpp"

namespace dossier::postgres {

struct PoolOptions {
  ConnectionOptions connection;
  std::size_t size = 8;
  std::int64_t acquire_timeout_ms = 1'000;  // then: overloaded
};

struct PoolStats {
  std::size_t size = 0;
  std::size_t open = 0;
  std::size_t in_use = 0;
  std::uint64_t acquired = 0;
  std::uint64_t waited = 0;  // acquisitions that had to wait
  std::uint64_t wait_us_total = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t connect_failures = 0;
};

class Pool;

// A connection borrowed from a pool; back on destruction, or closed if it broke.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();
  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_.get(); }
  explicit operator bool() const { return connection_ != nullptr; }

 private:
  friend class Pool;
  Lease(Pool* pool, std::unique_ptr<Connection> connection) : pool_(pool), connection_(std::move(connection)) {}
  Pool* pool_ = nullptr;
  std::unique_ptr<Connection> connection_;
};

// One moment of the database: REPEATABLE READ READ ONLY. The live generation is read in the same snapshot as the first
// query; if it is another one than the connection points at, the connection is pointed there and the query runs again.
// The first query and BEGIN share a round trip, further queries cost one each, the end costs none. Drop it soon.
class ReadTransaction {
 public:
  ReadTransaction(ReadTransaction&& other) noexcept;
  ReadTransaction& operator=(ReadTransaction&&) = delete;
  ~ReadTransaction();
  Result<ResultSet> query(std::string_view sql, const Params& params = {});
  // Several statements in one round trip.
  Result<std::vector<ResultSet>> query_all(std::span<const Statement> statements);
  // Of the snapshot; 0 before the first query and where no generation is live.
  std::int64_t generation() const { return generation_; }

 private:
  friend class Pool;
  explicit ReadTransaction(Lease lease) : lease_(std::move(lease)) {}
  Result<std::vector<ResultSet>> query_refs(std::span<const StatementRef> statements);
  Lease lease_;
  bool open_ = false;
  std::int64_t generation_ = 0;
};

// READ COMMITTED READ WRITE; rolled back unless committed. Names are schema-qualified (dossier.…).
class WriteTransaction {
 public:
  WriteTransaction(WriteTransaction&& other) noexcept;
  WriteTransaction& operator=(WriteTransaction&&) = delete;
  ~WriteTransaction();
  Result<ResultSet> query(std::string_view sql, const Params& params = {});
  // database_unavailable: nobody knows whether it was committed.
  Status commit();

 private:
  friend class Pool;
  explicit WriteTransaction(Lease lease) : lease_(std::move(lease)) {}
  Lease lease_;
  bool open_ = false;
};

class Pool {
 public:
  static constexpr std::int64_t kReconnectPauseMs = 200;  // after a failed connect nobody tries again for so long

  explicit Pool(PoolOptions options);
  ~Pool();  // every lease must be back

  // overloaded: none free within acquire_timeout_ms; database_unavailable: no connection to be had.
  Result<Lease> acquire();
  Result<ReadTransaction> read();
  Result<WriteTransaction> write();
  // One query in its own snapshot with the live generation: one round trip. Tried again once if an idle connection
  // turns out to be dead.
  Result<ResultSet> read_one(std::string_view sql, const Params& params = {});
  Result<std::vector<ResultSet>> read_all(std::span<const Statement> statements);
  // One statement in its own read-write transaction, committed: one round trip.
  Result<ResultSet> write_one(std::string_view sql, const Params& params = {});
  Result<std::vector<ResultSet>> write_all(std::span<const Statement> statements);

  PoolStats stats() const;
  // From now on acquire() answers shutting_down.
  void close();

 private:
  friend class Lease;
  Result<std::vector<ResultSet>> read_refs(std::span<const StatementRef> statements);
  void give_back(std::unique_ptr<Connection> connection) noexcept;

  const PoolOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t open_ = 0;  // idle, borrowed, or being opened
  std::int64_t last_failure_us_ = -1;
  std::string last_failure_;
  bool closed_ = false;
  PoolStats stats_;
};

}  // namespace dossier::postgres
