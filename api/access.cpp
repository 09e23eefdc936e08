// Authentication and visibility in two statements.
#include "api/access.hpp"

#include "base/encoding.hpp"

namespace dossier::api {
namespace {

constexpr std::size_t kMaxTokenBytes = 200;

// $1 the token's SHA-256. A token counts while an accepted event names its secret and none revoked it.
constexpr std::string_view kPrincipalSql = R"(
SELECT t.secret_id, t.kind, t.subject, t.expires_us,
       CASE t.kind
         WHEN 'user' THEN EXISTS (SELECT 1 FROM auth_sessions s
                                  WHERE s.secret_id = t.secret_id AND s.workspace = 'identity' AND s.user_id = t.subject
                                    AND s.opened_us IS NOT NULL AND s.revoked IS NOT TRUE)
         ELSE EXISTS (SELECT 1 FROM worker_tokens w
                      WHERE w.secret_id = t.secret_id AND w.workspace = t.subject
                        AND w.issued_us IS NOT NULL AND w.revoked IS NOT TRUE)
       END,
       COALESCE((SELECT seq FROM heads WHERE workspace = 'identity'), 0),
       COALESCE((SELECT number FROM dossier.generations WHERE state = 'live'), 0)
FROM dossier.token_hashes t WHERE t.sha256 = $1)";

// $1 the token's SHA-256, $2 what the scope names. One row: (workspace, its seq, the user's role or NULL).
constexpr std::string_view kIdentitySql = R"(
SELECT 'identity', COALESCE((SELECT seq FROM heads WHERE workspace = 'identity'), 0), NULL::text, $1::bytea, $2::text)";
constexpr std::string_view kWorkspaceSql = R"(
SELECT h.workspace, h.seq, m.role
FROM heads h
LEFT JOIN dossier.token_hashes t ON t.sha256 = $1
LEFT JOIN members m ON m.workspace = h.workspace AND m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
WHERE h.workspace = $2)";
constexpr std::string_view kTokenWorkspaceSql = R"(
SELECT h.workspace, h.seq, NULL::text, $2::text
FROM dossier.token_hashes t JOIN heads h ON h.workspace = t.subject
WHERE t.sha256 = $1)";
constexpr std::string_view kProjectSql = R"(
SELECT r.workspace, h.seq, m.role
FROM projects r
JOIN heads h ON h.workspace = r.workspace
LEFT JOIN dossier.token_hashes t ON t.sha256 = $1
LEFT JOIN members m ON m.workspace = r.workspace AND m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
WHERE r.id = $2 AND r.created_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kIssueSql = R"(
SELECT r.workspace, h.seq, m.role
FROM issues r
JOIN heads h ON h.workspace = r.workspace
LEFT JOIN dossier.token_hashes t ON t.sha256 = $1
LEFT JOIN members m ON m.workspace = r.workspace AND m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
WHERE r.id = $2 AND r.created_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kSessionSql = R"(
SELECT r.workspace, h.seq, m.role
FROM sessions r
JOIN heads h ON h.workspace = r.workspace
LEFT JOIN dossier.token_hashes t ON t.sha256 = $1
LEFT JOIN members m ON m.workspace = r.workspace AND m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
WHERE r.id = $2 AND r.requested_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kTaskSql = R"(
SELECT r.workspace, h.seq, m.role
FROM tasks r
JOIN heads h ON h.workspace = r.workspace
LEFT JOIN dossier.token_hashes t ON t.sha256 = $1
LEFT JOIN members m ON m.workspace = r.workspace AND m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
WHERE r.id = $2 AND r.queued_us IS NOT NULL LIMIT 1)";

struct ScopeQuery {
  std::string_view sql;
  std::string_view variable;  // of the path; empty: none
  std::string_view prefix;    // of the id
};

ScopeQuery scope_query(Scope scope) {
  switch (scope) {
    case Scope::none:
    case Scope::identity: return {kIdentitySql, {}, {}};
    case Scope::workspace: return {kWorkspaceSql, "ws", "ws"};
    case Scope::project: return {kProjectSql, "id", "prj"};
    case Scope::issue: return {kIssueSql, "id", "iss"};
    case Scope::session: return {kSessionSql, "id", "ses"};
    case Scope::task: return {kTaskSql, "id", "tsk"};
    case Scope::token_workspace: return {kTokenWorkspaceSql, {}, {}};
  }
  return {kIdentitySql, {}, {}};
}

Error unauthenticated() { return make_error(Code::unauthenticated, "the token is unknown, expired or revoked: sign in again"); }
Error not_found() { return make_error(Code::not_found, "there is no such thing, or you may not see it"); }

bool may_call(Auth auth, Principal::Kind kind) {
  switch (auth) {
    case Auth::none: return true;
    case Auth::user: return kind == Principal::Kind::user;
    case Auth::worker: return kind == Principal::Kind::worker;
    case Auth::either: return kind != Principal::Kind::nobody;
  }
  return false;
}

int rank(std::string_view role) {
  static constexpr std::string_view kRoles[] = {"viewer", "member", "admin", "owner"};
  for (int i = 0; i < 4; ++i)
    if (kRoles[i] == role) return i + 1;
  return 0;
}

Result<std::string> worker_of(const http::Request& request) {
  const std::string* id = request.header("dossier-worker");
  if (id == nullptr) return std::string();
  TRY(const WorkerId worker, WorkerId::parse(*id, "Dossier-Worker"));
  return worker.str();
}

}  // namespace

Result<crypto::Hash> bearer_token(const http::Request& request) {
  static constexpr std::string_view kScheme = "Bearer ";
  const std::string* header = request.header("authorization");
  if (header == nullptr) return make_error(Code::unauthenticated, "sign in, and send the token as Authorization: Bearer <token>");
  std::string_view text = *header;
  const bool scheme_fits = text.size() > kScheme.size() && (text.starts_with(kScheme) || text.starts_with("bearer "));
  if (!scheme_fits || text.size() > kMaxTokenBytes) return unauthenticated();
  text.remove_prefix(kScheme.size());
  if (!text.starts_with("dst_") && !text.starts_with("msw_")) return unauthenticated();
  return crypto::sha256(text);
}

Result<std::vector<postgres::Statement>> access_statements(const Call& call, const crypto::Hash& token) {
  const ScopeQuery query = scope_query(call.route->scope);
  std::string id;
  if (!query.variable.empty()) {
    id = call.path_value(query.variable);
    if (!is_id(id, query.prefix)) return not_found();
  }
  std::vector<postgres::Statement> statements(kAccessStatements);
  statements[0].sql = kPrincipalSql;
  statements[0].params.bytes(crypto::view(token));
  statements[1].sql = query.sql;
  statements[1].params.bytes(crypto::view(token)).text(id);
  return statements;
}

Result<Access> admit(const Call& call, std::span<const postgres::ResultSet> rows, std::int64_t now_us) {
  Access access;
  if (rows[0].empty()) return unauthenticated();
  const postgres::Row token = rows[0].front();
  Principal& principal = access.principal;
  principal.kind = token.text(1) == "user" ? Principal::Kind::user : Principal::Kind::worker;
  principal.token = SecretId(token.str(0));
  principal.expires_us = token.int64(3);
  access.identity_seq = token.uint64(5);
  access.generation = token.int64(6);
  const bool expired = principal.expires_us != 0 && principal.expires_us <= now_us;
  if (!token.boolean(4) || expired || !may_call(call.route->auth, principal.kind)) return unauthenticated();
  if (principal.kind == Principal::Kind::user) {
    principal.id = token.str(2);
  } else {
    principal.workspace = token.str(2);
    TRY(principal.id, worker_of(call.request));
  }
  if (rows[1].empty()) return not_found();
  const postgres::Row scope = rows[1].front();
  access.workspace = scope.str(0);
  access.seq = scope.uint64(1);
  access.role = scope.str(2);
  const bool is_own = access.workspace == "identity" || access.workspace == principal.workspace;
  if (!is_own && access.role.empty()) return not_found();
  if (rank(access.role) < rank(call.route->least_role))
    return make_error(Code::forbidden, "the role " + std::string(call.route->least_role) + " is needed, yours is " + access.role);
  return access;
}

}  // namespace dossier::api
