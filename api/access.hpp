// Who asks, and what they may see: the token in the Authorization header, checked against the secrets, the accepted
// events that give it force, and the workspace's members, all in the snapshot of the data that is asked for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/route.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::api {

// The SHA-256 of the bearer token. unauthenticated: none, or one of another form.
Result<crypto::Hash> bearer_token(const http::Request& request);

// Statements whose rows admit() reads: kAccessStatements of them, to be run before the data's own.
inline constexpr std::size_t kAccessStatements = 2;
// invalid ids make it not_found: nobody learns more about them.
Result<std::vector<postgres::Statement>> access_statements(const Call& call, const crypto::Hash& token);

// unauthenticated: unknown, expired or revoked token, or one of the other kind. not_found: the thing does not exist, or
// the user is no member of its workspace. `rows` are the access statements' results.
Result<Access> admit(const Call& call, std::span<const postgres::ResultSet> rows, std::int64_t now_us);

}  // namespace dossier::api
