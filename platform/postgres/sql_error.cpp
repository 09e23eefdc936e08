// SQLSTATE to our codes.
#include "platform/postgres/sql_error.hpp"

namespace dossier::postgres {

namespace {
bool in_class(std::string_view state, std::string_view prefix) noexcept { return state.substr(0, prefix.size()) == prefix; }
}  // namespace

bool is_data_error(std::string_view state) noexcept { return in_class(state, "22") || in_class(state, "23"); }

bool is_unavailable(std::string_view state) noexcept {
  return state.empty() || in_class(state, "08") || in_class(state, "53") || in_class(state, "57P") || in_class(state, "58");
}

Code code_of(std::string_view state) noexcept {
  if (state == kPositionMovedState) return Code::position_moved;
  if (state == kJournalDiffersState) return Code::corrupt;
  if (is_unavailable(state)) return Code::database_unavailable;
  if (state == "40001" || state == "40P01" || state == "55P03") return Code::contention;  // serialization, deadlock, lock
  if (state == "42P01") return Code::contention;  // a table of a generation that was dropped, or got a new number, just now
  if (state == "57014") return Code::timeout;     // statement_timeout
  if (state == "23505") return Code::already_exists;
  if (in_class(state, "23")) return Code::conflict;
  if (in_class(state, "22")) return Code::invalid_field;
  if (in_class(state, "28") || state == "3D000") return Code::database_unavailable;  // may not, or may not yet, connect
  return Code::internal;
}

Error to_error(const SqlError& error) {
  std::string message = "PostgreSQL: " + error.message;
  if (!error.sqlstate.empty()) message += " (" + error.sqlstate + ")";
  Error out = make_error(code_of(error.sqlstate), std::move(message));
  if (out.code == Code::database_unavailable) out.retry_after_ms = 1'000;
  return out;
}

}  // namespace dossier::postgres
