// Strict reading of a request's object, and quoting of strings. Knows only our tree.
#include <algorithm>

#include "platform/json/json.hpp"

namespace dossier::json {

ObjectReader::ObjectReader(const Value& value, std::string path) : value_(&value), path_(std::move(path)) {
  if (value.object() == nullptr) error_ = make_error(Code::invalid_field, "must be a JSON object", path_);
}

void ObjectReader::fail(std::string_view name, std::string message) {
  if (error_) return;
  error_ = make_error(Code::invalid_field, std::move(message), path_.empty() ? std::string(name) : path_ + "." + std::string(name));
}

const Value* ObjectReader::take(std::string_view name) {
  taken_.emplace_back(name);
  if (error_) return nullptr;
  const Value* member = value_->find(name);
  return member == nullptr || member->is_null() ? nullptr : member;  // null says absent
}

std::optional<std::string> ObjectReader::optional_string(std::string_view name, std::size_t max_bytes) {
  const Value* member = take(name);
  if (member == nullptr) return std::nullopt;
  const std::string* text = member->string();
  if (text == nullptr) {
    fail(name, "must be a string");
  } else if (text->size() > max_bytes) {
    fail(name, "must be at most " + std::to_string(max_bytes) + " bytes");
  } else if (text->find('\0') != std::string::npos) {
    fail(name, "must not hold the character NUL");
  } else {
    return *text;
  }
  return std::nullopt;
}

std::string ObjectReader::required_string(std::string_view name, std::size_t max_bytes, std::size_t min_bytes) {
  std::optional<std::string> text = optional_string(name, max_bytes);
  if (error_) return {};
  if (!text) {
    fail(name, "is required");
    error_->code = Code::missing_field;
    return {};
  }
  if (text->size() < min_bytes) {
    fail(name, min_bytes == 1 ? "must not be empty" : "must be at least " + std::to_string(min_bytes) + " bytes");
    return {};
  }
  return *std::move(text);
}

std::optional<bool> ObjectReader::optional_bool(std::string_view name) {
  const Value* member = take(name);
  if (member == nullptr) return std::nullopt;
  if (const bool* flag = member->boolean()) return *flag;
  fail(name, "must be true or false");
  return std::nullopt;
}

std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const Value* member = take(name);
  if (member == nullptr) return std::nullopt;
  const std::int64_t* number = member->integer();
  if (number != nullptr && *number >= least && *number <= most) return *number;
  fail(name, "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<std::vector<std::string>> ObjectReader::optional_strings(std::string_view name, std::size_t max_items, std::size_t max_bytes) {
  const Value* member = take(name);
  if (member == nullptr) return std::nullopt;
  const Value::Array* items = member->array();
  if (items == nullptr || items->size() > max_items) {
    fail(name, "must be an array of at most " + std::to_string(max_items) + " strings");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string* text = (*items)[i].string();
    if (text == nullptr || text->size() > max_bytes || text->find('\0') != std::string::npos) {
      fail(std::string(name) + "[" + std::to_string(i) + "]", "must be a string of at most " + std::to_string(max_bytes) + " bytes without NUL");
      return std::nullopt;
    }
    out.push_back(*text);
  }
  return out;
}

const Value* ObjectReader::optional_value(std::string_view name) { return take(name); }

Status ObjectReader::finish() {
  if (error_) return *error_;
  for (const auto& member : *value_->object()) {
    if (std::find(taken_.begin(), taken_.end(), member.first) != taken_.end()) continue;
    fail(member.first, "is no field of this resource");
    error_->code = Code::unknown_field;
    return *error_;
  }
  return {};
}

void append_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // start of the run that needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

}  // namespace dossier::json
