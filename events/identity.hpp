// Identity: users, their logins and sign-in sessions, and reserved names. Domain "identity".
// Streams user/<id>, login/<keyed hash>, slug/<name>, server/admin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

// A name that can be owned once: free → reserved → confirmed → (released) free. Reserving again for the same owner yields
// nothing; for another owner already_exists.
Result<std::optional<v1::IdentityEvent>> reserve_name(const v1::NameState& state, std::string_view owner, std::string_view what);
Result<std::optional<v1::IdentityEvent>> confirm_name(const v1::NameState& state, std::string_view owner);
std::optional<v1::IdentityEvent> release_name(const v1::NameState& state, std::string_view owner);

// Sessions of a user. At most kMaxAuthSessions are open; the oldest is revoked when one more opens.
inline constexpr int kMaxAuthSessions = 100;
Result<std::vector<v1::IdentityEvent>> open_auth_session(const v1::UserState& state, const v1::AuthSessionOpened& session);
std::optional<v1::IdentityEvent> revoke_auth_session(const v1::UserState& state, std::string_view secret_id);

// Lower-case letters, digits and inner '-', '_', '.', 1 to 64 bytes. The error names the field.
Status check_login(std::string_view login);
// [a-z0-9] and inner '-', 2 to 64 bytes.
Status check_slug(std::string_view slug, std::string_view field = "slug");

}  // namespace dossier::events
