// One connection to PostgreSQL in libpq's pipeline mode: a batch of statements costs one round trip, statements are
// prepared once each, and every wait has a deadline. One thread at a time. After an error of the connection itself
// broken() is true and the object is good for nothing but its destructor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "platform/postgres/params.hpp"
#include "platform/postgres/result_set.hpp"
#include "platform/postgres/sql_error.hpp"

struct pg_conn;

namespace dossier::postgres {

struct ConnectionOptions {
  std::string url;  // postgresql://… or a keyword string
  std::string application_name = "dossier";
  std::string search_path = "dossier";
  bool reads_by_default = true;  // repeatable read, read only, unless BEGIN says otherwise
  bool synchronous_commit = true;
  bool prefers_indexes = true;  // see connection.cpp: plans made while tables are empty must not be scans
  std::int64_t connect_timeout_ms = 2'000;
  bool generic_plans = false;                  // plan each statement once, whatever its arrays hold
  std::int64_t statement_timeout_ms = 30'000;  // of the server; the client waits 2 s longer, then drops the connection
};

// `sql` must live until run() returns.
struct Statement {
  std::string_view sql;
  Params params;
};
struct StatementRef {
  std::string_view sql;
  const Params* params = nullptr;  // nullptr: none
};

// What a batch gave: one ResultSet a statement up to the failed one, and its error if one failed. The statements
// behind a failed one were not executed.
struct BatchResult {
  std::vector<ResultSet> sets;
  std::unique_ptr<SqlError> failed;
};

// The schema of a generation of read models.
inline std::string generation_schema(std::int64_t number) { return "g" + std::to_string(number); }

class Connection {
 public:
  static constexpr std::size_t kMaxPrepared = 500;  // further statements run unprepared

  // database_unavailable: not reachable within connect_timeout_ms.
  static Result<std::unique_ptr<Connection>> open(const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Executes the statements in order in one round trip. Without BEGIN/COMMIT among them they are one transaction.
  BatchResult run(std::span<const StatementRef> statements);
  // One statement; its error as ours.
  Result<ResultSet> query(std::string_view sql, const Params& params = {});
  // Sends a statement without a result (COMMIT, ROLLBACK) and does not wait: its answer is read before the next one's.
  void send_and_forget(std::string_view sql);
  // Points unqualified names at a generation ("g3"); "" = none. Drops all prepared statements.
  Status use_generation(std::int64_t generation);
  std::int64_t generation() const { return generation_; }

  // The socket is dead, or an earlier error broke it. Costs no round trip.
  bool broken();
  bool known_broken() const { return broken_; }

 private:
  enum class Ready : std::uint8_t { no, sent, yes };
  struct Prepared {
    std::string name;
    Ready ready = Ready::no;
  };
  // A command whose result is due: a statement of the batch, or the preparation of one.
  struct Due {
    int statement = 0;
    Prepared* prepares = nullptr;
  };

  Connection(pg_conn* connection, const ConnectionOptions& options);
  std::int64_t deadline_us() const;
  void fail(std::string message);
  bool send(const StatementRef& statement, int index, std::vector<Due>& due);
  bool send_command(const std::string* prepared_name, std::string_view sql, const Params& params);
  bool flush(std::int64_t deadline_us);
  bool await_result(std::int64_t deadline_us);
  pg_result* next_result(std::int64_t deadline_us);
  bool drain(std::int64_t deadline_us);
  void collect(const std::vector<Due>& due, std::int64_t deadline_us, BatchResult& out);
  Prepared* prepared_for(const StatementRef& statement);

  pg_conn* connection_;
  ConnectionOptions options_;
  std::int64_t generation_ = 0;
  int forgotten_ = 0;  // batches whose results nobody has read yet
  bool broken_ = false;
  std::string failure_;
  std::uint64_t next_name_ = 0;
  std::unordered_map<std::string, Prepared> prepared_;  // by SQL and parameter types
};

}  // namespace dossier::postgres
