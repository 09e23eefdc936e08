// libpq's pipeline mode, non-blocking, with a deadline on every wait.
#include "platform/postgres/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "base/clock.hpp"

namespace dossier::postgres {

namespace {

constexpr std::int64_t kClientGraceMs = 2'000;  // beyond the server's own statement timeout

std::int64_t now_us() { return SystemClock().boot_us(); }

std::string trimmed(const char* message) {
  std::string out = message ? message : "";
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

// A value of `options` at start-up: spaces and backslashes are escaped.
std::string setting(std::string_view name, std::string_view value) {
  std::string out = " -c " + std::string(name) + "=";
  for (const char c : value) {
    if (c == ' ' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// A prepared statement keeps a plan that was made when its tables were empty until statistics change, which may be a
// million rows later. Every statement here is meant to be answered by an index, so scans and hash joins are priced away.
std::string plans(const ConnectionOptions& options) {
  std::string out;
  if (options.prefers_indexes) out += setting("enable_seqscan", "off") + setting("enable_hashjoin", "off") + setting("enable_mergejoin", "off");
  if (options.generic_plans) out += setting("plan_cache_mode", "force_generic_plan");
  return out;
}

std::string startup_options(const ConnectionOptions& options) {
  return plans(options) + setting("search_path", options.search_path) + setting("client_min_messages", "warning") + setting("timezone", "UTC") +
         setting("jit", "off") + setting("statement_timeout", std::to_string(options.statement_timeout_ms)) +
         setting("idle_in_transaction_session_timeout", std::to_string(options.statement_timeout_ms)) +
         setting("default_transaction_isolation", options.reads_by_default ? "repeatable read" : "read committed") +
         setting("default_transaction_read_only", options.reads_by_default ? "on" : "off") +
         setting("synchronous_commit", options.synchronous_commit ? "on" : "off");
}

// Types whose binary format ResultSet reads: bool, bytea, name, int8, int2, int4, text, oid, json, varchar, void, unknown.
bool readable(Oid type) {
  static constexpr std::array<Oid, 12> kTypes = {16, 17, 19, 20, 21, 23, 25, 26, 114, 1043, 2278, 705};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

SqlError error_of(const PGresult* result, int statement) {
  SqlError error;
  error.statement = statement;
  if (const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE)) error.sqlstate = state;
  if (const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)) error.message = trimmed(message);
  if (const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL)) error.message += ": " + trimmed(detail);
  if (error.message.empty()) error.message = trimmed(PQresultErrorMessage(result));
  return error;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const ConnectionOptions& options) {
  const std::string seconds = std::to_string(std::max<std::int64_t>(2, (options.connect_timeout_ms + 999) / 1'000));
  const std::string settings = startup_options(options);
  const char* names[] = {"dbname", "application_name", "connect_timeout", "options", "client_encoding", nullptr};
  const char* values[] = {options.url.c_str(), options.application_name.c_str(), seconds.c_str(), settings.c_str(), "UTF8", nullptr};
  PGconn* raw = PQconnectdbParams(names, values, 1);
  CHECK(raw != nullptr);
  std::unique_ptr<Connection> connection(new Connection(raw, options));
  if (PQstatus(raw) != CONNECTION_OK || PQsetnonblocking(raw, 1) != 0 || PQenterPipelineMode(raw) != 1) {
    Error error = make_error(Code::database_unavailable, "PostgreSQL: " + trimmed(PQerrorMessage(raw)));
    error.retry_after_ms = 1'000;
    return error;
  }
  return connection;
}

Connection::Connection(pg_conn* connection, const ConnectionOptions& options) : connection_(connection), options_(options) {
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
}
Connection::~Connection() { PQfinish(connection_); }

std::int64_t Connection::deadline_us() const { return now_us() + (options_.statement_timeout_ms + kClientGraceMs) * 1'000; }

void Connection::fail(std::string message) {
  if (broken_) return;
  broken_ = true;
  failure_ = message.empty() ? "the connection was lost" : std::move(message);
}

Connection::Prepared* Connection::prepared_for(const StatementRef& statement) {
  std::string key(statement.sql);
  if (statement.params)
    for (const auto& value : statement.params->values()) (key += '\0') += std::to_string(value.type_oid);
  if (const auto it = prepared_.find(key); it != prepared_.end()) return &it->second;
  if (prepared_.size() >= kMaxPrepared) return nullptr;
  return &prepared_.emplace(std::move(key), Prepared{"s" + std::to_string(++next_name_), Ready::no}).first->second;
}

// One command: a prepared statement by name, or (prepared_name nullptr) its text.
bool Connection::send_command(const std::string* prepared_name, std::string_view sql, const Params& params) {
  const auto& values = params.values();
  std::vector<Oid> types(values.size());
  std::vector<const char*> pointers(values.size());
  std::vector<int> lengths(values.size());
  std::vector<int> formats(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    types[i] = values[i].type_oid;
    pointers[i] = values[i].is_null ? nullptr : values[i].bytes.c_str();
    lengths[i] = static_cast<int>(values[i].bytes.size());
    formats[i] = values[i].binary ? 1 : 0;
  }
  const int count = static_cast<int>(values.size());
  if (prepared_name) return PQsendQueryPrepared(connection_, prepared_name->c_str(), count, pointers.data(), lengths.data(), formats.data(), 1) == 1;
  return PQsendQueryParams(connection_, std::string(sql).c_str(), count, types.data(), pointers.data(), lengths.data(), formats.data(), 1) == 1;
}

bool Connection::send(const StatementRef& statement, int index, std::vector<Due>& due) {
  static const Params kNone;
  const Params& params = statement.params ? *statement.params : kNone;
  Prepared* prepared = prepared_for(statement);
  if (prepared && prepared->ready == Ready::no) {
    std::vector<Oid> types;
    for (const auto& value : params.values()) types.push_back(value.type_oid);
    if (PQsendPrepare(connection_, prepared->name.c_str(), std::string(statement.sql).c_str(), static_cast<int>(types.size()), types.data()) != 1)
      return false;
    prepared->ready = Ready::sent;
    due.push_back(Due{index, prepared});
  }
  if (!send_command(prepared ? &prepared->name : nullptr, statement.sql, params)) return false;
  due.push_back(Due{index, nullptr});
  return true;
}

BatchResult Connection::run(std::span<const StatementRef> statements) {
  BatchResult out;
  out.sets.reserve(statements.size());
  const auto deadline = deadline_us();
  std::vector<Due> due;
  due.reserve(statements.size() + 4);
  if (!broken_ && drain(deadline)) {
    bool sent = true;
    for (std::size_t i = 0; sent && i < statements.size(); ++i) sent = send(statements[i], static_cast<int>(i), due);
    if (sent && PQpipelineSync(connection_) == 1 && flush(deadline))
      collect(due, deadline, out);
    else
      fail(trimmed(PQerrorMessage(connection_)));
  }
  if (broken_ && !out.failed) out.failed = std::make_unique<SqlError>(SqlError{"", failure_, -1});
  return out;
}

// Reads the results of a batch up to its sync.
void Connection::collect(const std::vector<Due>& due, std::int64_t deadline, BatchResult& out) {
  std::size_t at = 0;  // the command whose result comes next
  for (;;) {
    PGresult* result = next_result(deadline);
    if (broken_) {
      PQclear(result);
      break;
    }
    if (!result) {  // the end of one command
      if (++at <= due.size()) continue;
      fail("the server's answers do not match the statements sent");
      break;
    }
    const auto status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
      PQclear(result);
      break;
    }
    const int statement = at < due.size() ? due[at].statement : -1;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (at < due.size() && due[at].prepares) {
        due[at].prepares->ready = Ready::yes;
        PQclear(result);
        continue;
      }
      for (int column = 0; column < PQnfields(result); ++column)
        if (!out.failed && !readable(PQftype(result, column)))
          out.failed = std::make_unique<SqlError>(
              SqlError{"42804", std::string("column ") + PQfname(result, column) + " has a type that is not read here: cast it", statement});
      out.sets.emplace_back(result);
      continue;
    }
    if (status == PGRES_FATAL_ERROR && !out.failed) out.failed = std::make_unique<SqlError>(error_of(result, statement));
    PQclear(result);
  }
  for (const auto& command : due)
    if (command.prepares && command.prepares->ready == Ready::sent) command.prepares->ready = Ready::no;
  if (PQstatus(connection_) != CONNECTION_OK) fail(trimmed(PQerrorMessage(connection_)));
  // Plans made for tables that have changed since: cheaper to begin anew than to find out which.
  if (out.failed && (out.failed->sqlstate == "0A000" || out.failed->sqlstate == "26000")) fail(out.failed->message);
}

Result<ResultSet> Connection::query(std::string_view sql, const Params& params) {
  const StatementRef statement{sql, &params};
  BatchResult batch = run({&statement, 1});
  if (batch.failed) return to_error(*batch.failed);
  CHECK(batch.sets.size() == 1);
  return std::move(batch.sets.front());
}

void Connection::send_and_forget(std::string_view sql) {
  if (broken_) return;
  if (!send_command(nullptr, sql, Params()) || PQpipelineSync(connection_) != 1 || PQflush(connection_) < 0)
    return fail(trimmed(PQerrorMessage(connection_)));
  ++forgotten_;
}

Status Connection::use_generation(std::int64_t generation) {
  const std::string path = generation > 0 ? generation_schema(generation) + ", dossier" : "dossier";
  const Params params = std::move(Params().text(path));
  if (broken_ || !drain(deadline_us())) return to_error(SqlError{"", failure_, -1});
  // Prepared statements hold plans for the tables of the generation before.
  prepared_.clear();
  const StatementRef statements[] = {{"DEALLOCATE ALL", nullptr}, {"SELECT set_config('search_path', $1, false)", &params}};
  BatchResult batch = run(statements);
  prepared_.clear();
  if (batch.failed) {
    fail(batch.failed->message);
    return to_error(*batch.failed);
  }
  generation_ = generation;
  return {};
}

bool Connection::broken() {
  if (broken_ || !drain(deadline_us())) return true;
  // An idle connection has nothing to read, unless the server said goodbye.
  for (int look = 0; look < 3; ++look) {
    pollfd socket{PQsocket(connection_), POLLIN, 0};
    if (::poll(&socket, 1, 0) == 0) return false;
    if (PQconsumeInput(connection_) != 1 || PQstatus(connection_) != CONNECTION_OK) break;
    PQisBusy(connection_);  // parses what came
  }
  fail(trimmed(PQerrorMessage(connection_)));
  return true;
}

// Reads away the results of what was sent and forgotten.
bool Connection::drain(std::int64_t deadline) {
  while (forgotten_ > 0 && !broken_) {
    PGresult* result = next_result(deadline);
    if (result && PQresultStatus(result) == PGRES_PIPELINE_SYNC) --forgotten_;
    PQclear(result);
  }
  return !broken_;
}

// Sends everything buffered, reading meanwhile: a server whose answers nobody takes stops taking questions.
bool Connection::flush(std::int64_t deadline) {
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) return true;
    if (left < 0) return false;
    pollfd socket{PQsocket(connection_), POLLIN | POLLOUT, 0};
    const auto wait_ms = (deadline - now_us()) / 1'000;
    if (wait_ms <= 0 || ::poll(&socket, 1, static_cast<int>(wait_ms)) == 0) {
      fail("no answer within the statement timeout");
      return false;
    }
    if ((socket.revents & POLLIN) && PQconsumeInput(connection_) != 1) return false;
  }
}

// Waits until PQgetResult would not block.
bool Connection::await_result(std::int64_t deadline) {
  while (PQisBusy(connection_)) {
    const auto wait_ms = (deadline - now_us()) / 1'000;
    pollfd socket{PQsocket(connection_), POLLIN, 0};
    if (wait_ms <= 0 || ::poll(&socket, 1, static_cast<int>(wait_ms)) == 0) {
      fail("no answer within the statement timeout");
      return false;
    }
    if (PQconsumeInput(connection_) != 1) {
      fail(trimmed(PQerrorMessage(connection_)));
      return false;
    }
  }
  return true;
}

// The next result of the pipeline; nullptr at the end of a command, and when the connection broke (broken_).
pg_result* Connection::next_result(std::int64_t deadline) {
  if (!await_result(deadline)) return nullptr;
  PGresult* result = PQgetResult(connection_);
  if (!result && PQstatus(connection_) != CONNECTION_OK) fail(trimmed(PQerrorMessage(connection_)));
  return result;
}

}  // namespace dossier::postgres
