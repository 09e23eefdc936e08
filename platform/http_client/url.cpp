// Taking a base URL apart.
#include "platform/http_client/url.hpp"

#include <charconv>

namespace dossier::http_client {
namespace {

Error wrong(std::string_view text, std::string_view why) {
  return make_error(Code::invalid_field,
                    "'" + std::string(text) + "' is not a server's URL: " + std::string(why) + " (such as http://127.0.0.1:8787)", "base_url");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool is_host(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_' && c != ':') return false;
  }
  return true;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (rest.substr(0, 7) == "http://") {
    rest.remove_prefix(7);
  } else if (rest.substr(0, 8) == "https://") {
    rest.remove_prefix(8);
    url.tls = true;
  } else {
    return wrong(text, "it starts with neither http:// nor https://");
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) {
    url.path = rest.substr(slash);
    rest = rest.substr(0, slash);
    while (!url.path.empty() && url.path.back() == '/') url.path.pop_back();
    if (url.path.find_first_of("?#") != std::string::npos || (!url.path.empty() && !is_safe_target(url.path)))
      return wrong(text, "its path has a query, a fragment or a space");
  }
  std::string_view host = rest, port;
  if (!rest.empty() && rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return wrong(text, "its bracket is not closed");
    host = rest.substr(1, close - 1);
    const auto tail = rest.substr(close + 1);
    if (!tail.empty() && tail.front() != ':') return wrong(text, "there is text after its bracket");
    if (!tail.empty()) port = tail.substr(1);
    if (!tail.empty() && port.empty()) return wrong(text, "its port is empty");
  } else if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (port.empty()) return wrong(text, "its port is empty");
  }
  if (!is_host(host)) return wrong(text, "its host has a form that is not allowed");
  if (!port.empty() && !is_port(port)) return wrong(text, "its port is no number from 1 to 65535");
  url.host = host;
  url.port = port.empty() ? (url.tls ? "443" : "80") : std::string(port);
  url.authority = rest;
  return url;
}

bool is_safe_target(std::string_view target) noexcept {
  if (target.empty() || target.front() != '/') return false;
  for (unsigned char c : target)
    if (c <= 0x20 || c >= 0x7f) return false;
  return true;
}

bool is_safe_header(std::string_view name, std::string_view value) noexcept {
  if (name.empty()) return false;
  for (unsigned char c : name)
    if (c <= 0x20 || c >= 0x7f || c == ':') return false;
  for (unsigned char c : value)
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

}  // namespace dossier::http_client
