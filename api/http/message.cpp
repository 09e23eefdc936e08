// Request targets and look-ups in requests and responses.
#include "api/http/message.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace dossier::api::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* find(const Headers& pairs, std::string_view name) {
  for (const auto& pair : pairs)
    if (pair.first == name) return &pair.second;
  return nullptr;
}

}  // namespace

const std::string* Request::header(std::string_view name) const { return find(headers, name); }
const std::string* Request::parameter(std::string_view name) const { return find(query, name); }

const std::string* Response::header(std::string_view name) const {
  for (const auto& pair : headers)
    if (same_name(pair.first, name)) return &pair.second;
  return nullptr;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (out.find('\0') != std::string::npos || !is_utf8(out)) return std::nullopt;
  return out;
}

Status parse_target(std::string_view target, Request& request) {
  const std::size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  request.query.clear();
  if (request.path.empty() || request.path.front() != '/') return make_error(Code::invalid_field, "the request target must be a path", "path");
  if (mark == std::string_view::npos) return {};
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>("") : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value) return make_error(Code::invalid_field, "must be percent-encoded UTF-8 without NUL", name ? *name : std::string("query"));
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

}  // namespace dossier::api::http
