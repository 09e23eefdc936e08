// Opening a signed-in session: a random token, its hash stored first, then the event that gives it force.
#pragma once

#include <functional>
#include <string>

#include "api/environment.hpp"
#include "api/route.hpp"

namespace dossier::api {

struct OpenedSession {
  std::string token;  // dst_…
  std::int64_t expires_us = 0;
  producers::Committed committed;
};
inline constexpr std::int64_t kSessionLifeUs = std::int64_t{30} * 24 * 3'600 * 1'000'000;

// On a pool thread (it writes the secret). Every call opens a session of its own.
void open_session(Environment& environment, const UserId& user, std::function<void(Result<OpenedSession>)> done);

struct User {
  std::string id;
  std::string login_json;
  std::string display_name_json;
  bool admin = false;
};
const Schema& user_schema();
std::string user_json(const User& user);

}  // namespace dossier::api
