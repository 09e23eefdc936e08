// What PostgreSQL refused, and the one translation from SQLSTATE to our codes.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace dossier::postgres {

// SQLSTATEs that the guards of 0001_schema.sql raise: a position is not where the writer believed it; a journal row
// that is there already has other bytes.
inline constexpr std::string_view kPositionMovedState = "DS001";
inline constexpr std::string_view kJournalDiffersState = "DS002";

// A refused statement. `sqlstate` is empty where the connection failed before the server could say anything.
struct SqlError {
  std::string sqlstate;
  std::string message;
  int statement = -1;  // index in the batch; -1: the connection
};

// Class 22 (data exception) or 23 (constraint): the rows are at fault, not the database.
bool is_data_error(std::string_view sqlstate) noexcept;
// Connection failures, shutdown, no room: another try later may succeed.
bool is_unavailable(std::string_view sqlstate) noexcept;
Code code_of(std::string_view sqlstate) noexcept;
Error to_error(const SqlError& error);

}  // namespace dossier::postgres
