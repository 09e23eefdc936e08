// The server's master key: 32 random bytes in a file outside the database, made on first use.
#pragma once

#include <string>

#include "base/result.hpp"

namespace dossier::app {

struct ServerKeys {
  std::string names;   // HMAC key of login streams: a login's stream name tells nothing without it
  std::string tokens;  // HMAC key of tokens that come out the same for a repeated request
  std::string seals;   // what projects' secrets are sealed with
};

// io: the file can't be read or made, is no key, or can be read by others than its owner. Several processes may make it at
// once: the first one wins. Losing the file means that nobody can sign in by login any more, and that the secrets of projects can't be
// opened: back it up.
Result<ServerKeys> load_keys(const std::string& file);

}  // namespace dossier::app
