// Rows of dossier.password_hashes, token_hashes and keys. What PostgreSQL says of a duplicate names the key, so its words
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
constexpr std::string_view kStored =
    "SELECT secret_id, is_password FROM (SELECT secret_id, true AS is_password, created FROM dossier.password_hashes "
    "UNION ALL SELECT secret_id, false, created FROM dossier.token_hashes) AS s "
    "WHERE secret_id > $2 AND created < to_timestamp($1::bigint / 1e6) ORDER BY secret_id LIMIT $3";
constexpr std::string_view kSweepPasswords = "DELETE FROM dossier.password_hashes WHERE secret_id = ANY($1::text[])";
constexpr std::string_view kSweepTokens = "DELETE FROM dossier.token_hashes WHERE secret_id = ANY($1::text[])";
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

Result<std::vector<Secrets::Stored>> PostgresSecrets::stored(std::int64_t created_before_us, const SecretId& after, int limit) {
  TRY(const auto set, pool_.read_one(kStored, Params().int8(created_before_us).text(after.str()).int8(limit)));
  std::vector<Stored> out;
  for (const auto row : set) out.push_back(Stored{SecretId(row.str(0)), row.boolean(1)});
  return out;
}

Status PostgresSecrets::sweep(const std::vector<SecretId>& leftovers) {
  std::vector<std::string> ids;
  for (const auto& id : leftovers) ids.push_back(id.str());
  const Params params = std::move(Params().texts(ids));
  TRY([[maybe_unused]] const auto sets,
      pool_.write_all(std::vector<postgres::Statement>{{kSweepPasswords, params}, {kSweepTokens, params}}));
  return {};
}

Status PostgresSecrets::put_key(const std::string& name, const std::string& sealed) {
  return put(pool_, kPutKey, Params().text(name).bytes(sealed), "key " + name);
}

Result<std::optional<std::string>> PostgresSecrets::key(const std::string& name) {
  TRY(const auto set, pool_.read_one(kKey, Params().text(name)));
  return set.empty() ? std::optional<std::string>() : std::optional<std::string>(set.front().str(0));
}

}  // namespace dossier::producers
