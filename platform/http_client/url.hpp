// The base URL of a server, taken apart and checked before anything is sent to it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dossier::http_client {

struct Url {
  bool tls = false;
  std::string host;       // as for a resolver: no brackets around an IPv6 address
  std::string port;       // decimal; 80 or 443 where the URL has none
  std::string authority;  // as for a Host header
  std::string path;       // prefix of every target: empty, or "/…" without a slash at its end
};

// http:// or https://, a host, an optional port and path. invalid_field base_url: anything else, also user names, queries
// and fragments.
Result<Url> parse_url(std::string_view text);

// Targets and header values go out as they are, so neither may hold what would end its line.
bool is_safe_target(std::string_view target) noexcept;
bool is_safe_header(std::string_view name, std::string_view value) noexcept;

}  // namespace dossier::http_client
