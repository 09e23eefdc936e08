// Rows of an answer, so that nobody above this folder sees libpq. Columns come in binary format and must be of text,
// int2/int4/int8, bool, bytea, json or oid; cast others in the SQL (`extract(…)::bigint`, `x::text`).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pg_result;

namespace dossier::postgres {

class ResultSet;

// A row; valid as long as its ResultSet. A wrong index, a NULL read as a value, or an integer read from another type
// is a bug of ours and aborts.
class Row {
 public:
  bool is_null(int column) const;
  std::string_view operator[](int column) const;  // text, or a bytea's raw bytes; "" for NULL
  std::string_view text(int column) const { return (*this)[column]; }
  std::string_view bytes(int column) const { return (*this)[column]; }
  std::int64_t int64(int column) const;
  std::uint64_t uint64(int column) const { return static_cast<std::uint64_t>(int64(column)); }
  std::int32_t int32(int column) const { return static_cast<std::int32_t>(int64(column)); }
  bool boolean(int column) const;
  std::string str(int column) const { return std::string((*this)[column]); }
  std::optional<std::string> optional_text(int column) const;
  std::optional<std::int64_t> optional_int64(int column) const;

 private:
  friend class ResultSet;
  Row(const pg_result* result, int row) : result_(result), row_(row) {}
  const pg_result* result_;
  int row_;
};

class ResultSet {
 public:
  ResultSet() = default;
  explicit ResultSet(pg_result* owned);
  int size() const;  // rows
  bool empty() const { return size() == 0; }
  Row operator[](int row) const;
  Row front() const { return (*this)[0]; }
  std::int64_t affected_rows() const;  // of INSERT, UPDATE, DELETE
  std::string_view command() const;    // "SELECT 3", "COMMIT"

  class Iterator {
   public:
    Iterator(const ResultSet* set, int row) : set_(set), row_(row) {}
    Row operator*() const { return (*set_)[row_]; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return row_ != other.row_; }

   private:
    const ResultSet* set_;
    int row_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  struct Free {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, Free> result_;
};

}  // namespace dossier::postgres
