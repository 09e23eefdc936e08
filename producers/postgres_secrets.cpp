// Rows of dossier.password_hashes, token_hashes, project_secrets and keys. What PostgreSQL says of a duplicate names the key, so its words
// are replaced: no hash ever gets into a message.
#include "producers/postgres_secrets.hpp"

namespace dossier::producers {

namespace {

using postgres::Params;

constexpr std::string_view kPutPassword = "INSERT INTO dossier.password_hashes (secret_id, phc) VALUES ($1, $2)";
constexpr std::string_view kPassword = "SELECT phc FROM dossier.password_hashes WHERE secret_id = $1";
constexpr std::string_view kPutToken =
    "INSERT INTO dossier.token_hashes (secret_id, kind, subject, sha256, prefix, expires_us) VALUES ($1, $2, $3, $4, $5, $6)";
constexpr std::string_view kFindToken = "SELECT secret_id, kind, subject, prefix, expires_us FROM dossier.token_hashes WHERE sha256 = $1";
constexpr std::string_view kRemoveToken = "DELETE FROM dossier.token_hashes WHERE secret_id = $1";

constexpr std::string_view kPutProjectSecret = "INSERT INTO dossier.project_secrets (secret_id, workspace, sealed) VALUES ($1, $2, $3)";
constexpr std::string_view kProjectSecret = "SELECT sealed FROM dossier.project_secrets WHERE secret_id = $1";

// Columns of both: id, domain, named. What is parked may name anything.
#define DOSSIER_IS_NAMED                                                                                                              \
  "(s.kind = 'password' AND s.secret_id IN (SELECT u.password_secret_id FROM users AS u WHERE u.password_secret_id IS NOT NULL)) "    \
  "OR (s.kind = 'user' AND EXISTS (SELECT 1 FROM auth_sessions AS a WHERE a.secret_id = s.secret_id AND a.opened_us IS NOT NULL)) "   \
  "OR (s.kind = 'worker' AND EXISTS (SELECT 1 FROM worker_tokens AS w WHERE w.secret_id = s.secret_id AND w.issued_us IS NOT NULL)) " \
  "OR (s.kind = 'project' AND EXISTS (SELECT 1 FROM project_secrets AS r WHERE r.secret_id = s.secret_id AND r.set_us IS NOT NULL "   \
  "AND r.removed IS NOT TRUE)) "                                                                                                      \
  "OR EXISTS (SELECT 1 FROM dossier.parked AS p JOIN dossier.generations AS g ON g.number = p.generation AND g.state = 'live' "       \
  "WHERE p.read_model IN ('identity', 'worker_tokens', 'project_secrets'))"
#define DOSSIER_TOKEN_DOMAIN "CASE kind WHEN 'worker' THEN subject ELSE 'identity' END"
constexpr std::string_view kLook = "SELECT s.secret_id, s.domain, " DOSSIER_IS_NAMED
                                   " FROM ("
                                   "(SELECT secret_id, 'identity' AS domain, 'password' AS kind FROM dossier.password_hashes "
                                   "WHERE secret_id > $2 AND created < to_timestamp($1::bigint / 1e6) ORDER BY secret_id LIMIT $3) UNION ALL "
                                   "(SELECT secret_id, " DOSSIER_TOKEN_DOMAIN
                                   ", kind FROM dossier.token_hashes "
                                   "WHERE secret_id > $2 AND created < to_timestamp($1::bigint / 1e6) ORDER BY secret_id LIMIT $3) UNION ALL "
                                   "(SELECT secret_id, workspace, 'project' FROM dossier.project_secrets "
                                   "WHERE secret_id > $2 AND created < to_timestamp($1::bigint / 1e6) ORDER BY secret_id LIMIT $3) "
                                   "ORDER BY secret_id LIMIT $3) AS s ORDER BY s.secret_id";
constexpr std::string_view kLookAgain =
    "SELECT s.secret_id, s.domain, " DOSSIER_IS_NAMED
    " FROM ("
    "SELECT secret_id, 'identity' AS domain, 'password' AS kind FROM dossier.password_hashes WHERE secret_id = ANY($1::text[]) UNION ALL "
    "SELECT secret_id, " DOSSIER_TOKEN_DOMAIN
    ", kind FROM dossier.token_hashes WHERE secret_id = ANY($1::text[]) UNION ALL "
    "SELECT secret_id, workspace, 'project' FROM dossier.project_secrets WHERE secret_id = ANY($1::text[])) AS s";
#undef DOSSIER_IS_NAMED
#undef DOSSIER_TOKEN_DOMAIN

constexpr std::string_view kSweepPasswords = "DELETE FROM dossier.password_hashes WHERE secret_id = ANY($1::text[])";
constexpr std::string_view kSweepTokens = "DELETE FROM dossier.token_hashes WHERE secret_id = ANY($1::text[])";
constexpr std::string_view kSweepProjects = "DELETE FROM dossier.project_secrets WHERE secret_id = ANY($1::text[])";
constexpr std::string_view kPutKey = "INSERT INTO dossier.keys (name, value) VALUES ($1, $2)";
constexpr std::string_view kKey = "SELECT value FROM dossier.keys WHERE name = $1";

Status put(postgres::Pool& pool, std::string_view sql, const Params& params, std::string_view what) {
  const auto set = pool.write_one(sql, params);
  if (set) return {};
  if (set.error().code == Code::already_exists) return make_error(Code::already_exists, std::string(what) + " is there already");
  return set.error();
}

}  // namespace

Status PostgresSecrets::put_password(const SecretId& id, const std::string& phc) {
  return put(pool_, kPutPassword, Params().text(id.str()).text(phc), "this secret");
}

Result<std::optional<std::string>> PostgresSecrets::password(const SecretId& id) {
  TRY(const auto set, pool_.read_one(kPassword, Params().text(id.str())));
  return set.empty() ? std::optional<std::string>() : std::optional<std::string>(set.front().str(0));
}

Status PostgresSecrets::put_token(const TokenRecord& token) {
  Params params;
  params.text(token.id.str()).text(token.kind == TokenKind::user ? "user" : "worker").text(token.subject);
  params.bytes(crypto::view(token.sha256)).text(token.prefix).int8(token.expires_us);
  return put(pool_, kPutToken, params, "this token");
}

Result<std::optional<TokenRecord>> PostgresSecrets::find_token(const crypto::Hash& sha256) {
  TRY(const auto set, pool_.read_one(kFindToken, Params().bytes(crypto::view(sha256))));
  if (set.empty()) return std::optional<TokenRecord>();
  const auto row = set.front();
  TokenRecord out;
  out.id = SecretId(row.str(0));
  out.kind = row.text(1) == "worker" ? TokenKind::worker : TokenKind::user;
  out.subject = row.str(2);
  out.sha256 = sha256;
  out.prefix = row.str(3);
  out.expires_us = row.int64(4);
  return std::optional<TokenRecord>(std::move(out));
}

Status PostgresSecrets::remove_token(const SecretId& id) {
  TRY([[maybe_unused]] const auto set, pool_.write_one(kRemoveToken, Params().text(id.str())));
  return {};
}

Status PostgresSecrets::put_project_secret(const SecretId& id, const WorkspaceId& workspace, const std::string& sealed) {
  return put(pool_, kPutProjectSecret, Params().text(id.str()).text(workspace.str()).bytes(sealed), "this secret");
}

Result<std::optional<std::string>> PostgresSecrets::project_secret(const SecretId& id) {
  TRY(const auto set, pool_.read_one(kProjectSecret, Params().text(id.str())));
  return set.empty() ? std::optional<std::string>() : std::optional<std::string>(set.front().str(0));
}

Result<Secrets::Looked> PostgresSecrets::leftovers(std::int64_t created_before_us, const SecretId& after, int limit) {
  TRY(const auto set, pool_.read_one(kLook, Params().int8(created_before_us).text(after.str()).int8(limit)));
  Looked looked;
  for (const auto row : set) {
    looked.through = SecretId(row.str(0));
    if (!row.boolean(2)) looked.leftovers.push_back({looked.through, WorkspaceId(row.str(1))});
  }
  if (set.size() < limit) looked.through = SecretId();
  return looked;
}

// Two round trips, and no event can name one of them in between: that is the caller's promise.
Result<int> PostgresSecrets::sweep(const std::vector<SecretId>& ids) {
  std::vector<std::string> texts;
  texts.reserve(ids.size());
  for (const auto& id : ids) texts.push_back(id.str());
  TRY(const auto set, pool_.read_one(kLookAgain, Params().texts(texts)));
  std::vector<std::string> leftovers;
  for (const auto row : set)
    if (!row.boolean(2)) leftovers.push_back(row.str(0));
  const Params params = std::move(Params().texts(leftovers));
  TRY([[maybe_unused]] const auto sets,
      pool_.write_all(std::vector<postgres::Statement>{{kSweepPasswords, params}, {kSweepTokens, params}, {kSweepProjects, params}}));
  return static_cast<int>(leftovers.size());
}

Status PostgresSecrets::put_key(const std::string& name, const std::string& sealed) {
  return put(pool_, kPutKey, Params().text(name).bytes(sealed), "key " + name);
}

Result<std::optional<std::string>> PostgresSecrets::key(const std::string& name) {
  TRY(const auto set, pool_.read_one(kKey, Params().text(name)));
  return set.empty() ? std::optional<std::string>() : std::optional<std::string>(set.front().str(0));
}

}  // namespace dossier::producers
