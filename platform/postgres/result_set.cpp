// Binary results to values.
#include "platform/postgres/result_set.hpp"

#include <libpq-fe.h>

#include <cstdlib>

#include "base/check.hpp"

namespace dossier::postgres {

bool Row::is_null(int column) const {
  CHECK(column >= 0 && column < PQnfields(result_));
  return PQgetisnull(result_, row_, column) != 0;
}

std::string_view Row::operator[](int column) const {
  CHECK(column >= 0 && column < PQnfields(result_));
  return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
}

std::int64_t Row::int64(int column) const {
  CHECK(!is_null(column));
  const auto bytes = (*this)[column];
  CHECK(bytes.size() == 8 || bytes.size() == 4 || bytes.size() == 2);
  std::int64_t value = static_cast<std::int8_t>(bytes[0]) < 0 ? -1 : 0;  // the sign
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) << 8) | static_cast<unsigned char>(bytes[i]));
  return value;
}

bool Row::boolean(int column) const {
  CHECK(!is_null(column));
  const auto bytes = (*this)[column];
  CHECK(bytes.size() == 1);
  return bytes[0] != '\0';
}

std::optional<std::string> Row::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return str(column);
}

std::optional<std::int64_t> Row::optional_int64(int column) const {
  if (is_null(column)) return std::nullopt;
  return int64(column);
}

ResultSet::ResultSet(pg_result* owned) : result_(owned) {}
void ResultSet::Free::operator()(pg_result* result) const noexcept { PQclear(result); }
int ResultSet::size() const { return result_ ? PQntuples(result_.get()) : 0; }

Row ResultSet::operator[](int row) const {
  CHECK(row >= 0 && row < size());
  return Row(result_.get(), row);
}

std::int64_t ResultSet::affected_rows() const { return result_ ? std::strtoll(PQcmdTuples(result_.get()), nullptr, 10) : 0; }

std::string_view ResultSet::command() const { return result_ ? PQcmdStatus(result_.get()) : ""; }

}  // namespace dossier::postgres
