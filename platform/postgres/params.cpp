// PostgreSQL's binary formats: big-endian integers; an array is a header, then (length, bytes) an element.
#include "platform/postgres/params.hpp"

#include "base/check.hpp"

namespace dossier::postgres {

namespace {

// Type numbers of pg_type.dat, fixed for ever.
constexpr std::uint32_t kBool = 16, kBytea = 17, kInt8 = 20, kText = 25;
constexpr std::uint32_t kBoolArray = 1000, kByteaArray = 1001, kTextArray = 1009, kInt8Array = 1016;
constexpr std::size_t kArrayHeader = 20;  // dimensions, has null, element type, length, lower bound

void put32(std::string& out, std::uint32_t value) {
  const char bytes[4] = {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append(bytes, 4);
}
void put64(std::string& out, std::uint64_t value) {
  put32(out, static_cast<std::uint32_t>(value >> 32));
  put32(out, static_cast<std::uint32_t>(value));
}

std::uint32_t element_oid(rows::Type type) {
  switch (type) {
    case rows::Type::text: return kText;
    case rows::Type::int8: return kInt8;
    case rows::Type::bool_: return kBool;
    case rows::Type::bytea: return kBytea;
  }
  CHECK(!"a type outside rows::Type");
}
std::uint32_t array_oid(rows::Type type) {
  switch (type) {
    case rows::Type::text: return kTextArray;
    case rows::Type::int8: return kInt8Array;
    case rows::Type::bool_: return kBoolArray;
    case rows::Type::bytea: return kByteaArray;
  }
  CHECK(!"a type outside rows::Type");
}

}  // namespace

Array::Array(rows::Type element, std::size_t expected_elements) : element_(element) {
  bytes_.reserve(kArrayHeader + expected_elements * 12);
  bytes_.assign(kArrayHeader, '\0');
}

void Array::null() {
  put32(bytes_, 0xffffffffu);
  has_null_ = true;
  ++count_;
}

void Array::text(std::string_view value) {
  put32(bytes_, static_cast<std::uint32_t>(value.size()));
  bytes_.append(value);
  ++count_;
}

void Array::int8(std::int64_t value) {
  put32(bytes_, 8);
  put64(bytes_, static_cast<std::uint64_t>(value));
  ++count_;
}

void Array::boolean(bool value) {
  put32(bytes_, 1);
  bytes_.push_back(value ? '\1' : '\0');
  ++count_;
}

void Array::cell(const rows::Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return null();
  switch (element_) {
    case rows::Type::text:
    case rows::Type::bytea: return text(std::get<std::string>(cell));
    case rows::Type::int8: return int8(std::get<std::int64_t>(cell));
    case rows::Type::bool_: return boolean(std::get<bool>(cell));
  }
}

std::string Array::finish() && {
  std::string header;
  header.reserve(kArrayHeader);
  put32(header, count_ == 0 ? 0 : 1);
  put32(header, has_null_ ? 1 : 0);
  put32(header, element_oid(element_));
  if (count_ == 0) return header;  // no dimension, so no length
  put32(header, count_);
  put32(header, 1);
  bytes_.replace(0, kArrayHeader, header);
  return std::move(bytes_);
}

Params& Params::put(std::uint32_t type_oid, bool binary, std::string bytes) {
  values_.push_back(Value{type_oid, binary, false, std::move(bytes)});
  return *this;
}

Params& Params::text(std::string_view value) { return put(0, false, std::string(value)); }
Params& Params::bytes(std::string_view value) { return put(kBytea, true, std::string(value)); }
Params& Params::boolean(bool value) { return put(kBool, true, std::string(1, value ? '\1' : '\0')); }

Params& Params::int8(std::int64_t value) {
  std::string bytes;
  put64(bytes, static_cast<std::uint64_t>(value));
  return put(kInt8, true, std::move(bytes));
}

Params& Params::null() {
  values_.push_back(Value{0, false, true, {}});
  return *this;
}

Params& Params::optional_int8(std::optional<std::int64_t> value) {
  if (value) return int8(*value);
  values_.push_back(Value{kInt8, true, true, {}});
  return *this;
}

Params& Params::array(Array values) {
  const auto type = array_oid(values.element_);
  return put(type, true, std::move(values).finish());
}

Params& Params::texts(std::span<const std::string> values) {
  Array out(rows::Type::text, values.size());
  for (const auto& value : values) out.text(value);
  return array(std::move(out));
}

Params& Params::int8s(std::span<const std::int64_t> values) {
  Array out(rows::Type::int8, values.size());
  for (const auto value : values) out.int8(value);
  return array(std::move(out));
}

}  // namespace dossier::postgres
