// Secrets as rows of the memory database.
#include "producers/memory_secrets.hpp"

#include <map>
#include <set>

#include "platform/memory/ledger_tables.hpp"

namespace dossier::producers {

namespace {

using memory::Key;
using memory::MemoryDatabase;
using memory::number;
using memory::text;

constexpr std::string_view kPasswords = "password_hashes";        // key (id) → {id, phc, created_us}
constexpr std::string_view kTokens = "token_hashes";              // key (id) → {id, kind, subject, sha256, prefix, expires_us, created_us}
constexpr std::string_view kTokenIds = "token_ids";               // key (hash in int8s) → {id}
constexpr std::string_view kProjects = "project_secrets_sealed";  // key (id) → {id, workspace, sealed, created_us}
constexpr std::string_view kKeys = "keys";                        // key (name) → {value}

// A hash may hold NUL, which Key::text does not take.
Key hash_key(std::string_view hash) {
  Key key;
  for (const char byte : hash) key.int8(static_cast<unsigned char>(byte));
  return key;
}

// Columns of the read models (schemas/sql/generation/), which SQL would know by name.
constexpr std::size_t kUserPassword = 4, kSessionOpened = 4, kWorkerTokenIssued = 5, kProjectSecretSet = 6, kProjectSecretRemoved = 7;

std::set<std::string> named_secrets(const MemoryDatabase::View& view) {
  const std::int64_t generation = memory::live_generation(view);
  std::set<std::string> named;
  const auto collect = [&](std::string_view table, std::size_t id, std::size_t there) {
    view.scan(memory::in_generation(generation, table), Key(), [&](const rows::Row& row) {
      if (!std::holds_alternative<std::monostate>(row.at(there)) && !std::holds_alternative<std::monostate>(row.at(id))) named.insert(text(row, id));
      return true;
    });
  };
  collect("users", kUserPassword, kUserPassword);
  collect("auth_sessions", 0, kSessionOpened);
  collect("worker_tokens", 0, kWorkerTokenIssued);
  view.scan(memory::in_generation(generation, "project_secrets"), Key(), [&](const rows::Row& row) {
    const bool* removed = std::get_if<bool>(&row.at(kProjectSecretRemoved));
    if (!std::holds_alternative<std::monostate>(row.at(kProjectSecretSet)) && (removed == nullptr || !*removed)) named.insert(text(row, 0));
    return true;
  });
  return named;
}

bool may_be_parked(const MemoryDatabase::View& view) {
  bool parked = false;
  view.scan(memory::in_generation(memory::live_generation(view), "parked"), Key(), [&](const rows::Row& row) {
    parked = parked || text(row, 0) == "identity" || text(row, 0) == "worker_tokens" || text(row, 0) == "project_secrets";
    return true;
  });
  return parked;
}

void remove(MemoryDatabase::Edit& edit, const SecretId& id) {
  const Key key = Key().text(id.str());
  edit.erase(kPasswords, key);
  edit.erase(kProjects, key);
  const auto token = edit.find(kTokens, key);
  if (!token) return;
  edit.erase(kTokenIds, hash_key(text(*token, 3)));
  edit.erase(kTokens, key);
}

}  // namespace

Status MemorySecrets::put_password(const SecretId& id, const std::string& phc) {
  const auto now = clock_.wall_us();
  return database_->commit("put_password", true, [&](MemoryDatabase::Edit& edit) -> Status {
    const Key key = Key().text(id.str());
    if (edit.find(kPasswords, key)) return make_error(Code::already_exists, "this secret is there already");
    edit.put(kPasswords, key, rows::Row{id.str(), phc, now});
    return {};
  });
}

Result<std::optional<std::string>> MemorySecrets::password(const SecretId& id) {
  TRY(const auto view, database_->view("password"));
  const auto row = view.find(kPasswords, Key().text(id.str()));
  return row ? std::optional<std::string>(text(*row, 1)) : std::optional<std::string>();
}

Status MemorySecrets::put_token(const TokenRecord& token) {
  const auto now = clock_.wall_us();
  return database_->commit("put_token", true, [&](MemoryDatabase::Edit& edit) -> Status {
    const Key key = Key().text(token.id.str());
    const Key hash = hash_key(crypto::view(token.sha256));
    if (edit.find(kTokens, key) || edit.find(kTokenIds, hash)) return make_error(Code::already_exists, "this token is there already");
    edit.put(kTokens, key,
             rows::Row{token.id.str(), static_cast<std::int64_t>(token.kind), token.subject, std::string(crypto::view(token.sha256)), token.prefix,
                       token.expires_us, now});
    edit.put(kTokenIds, hash, rows::Row{token.id.str()});
    return {};
  });
}

Result<std::optional<TokenRecord>> MemorySecrets::find_token(const crypto::Hash& sha256) {
  TRY(const auto view, database_->view("find_token"));
  const auto id = view.find(kTokenIds, hash_key(crypto::view(sha256)));
  if (!id) return std::optional<TokenRecord>();
  const auto row = view.find(kTokens, Key().text(text(*id, 0)));
  CHECK(row.has_value());
  return std::optional<TokenRecord>(
      TokenRecord{SecretId(text(*row, 0)), static_cast<TokenKind>(number(*row, 1)), text(*row, 2), sha256, text(*row, 4), number(*row, 5)});
}

Status MemorySecrets::remove_token(const SecretId& id) {
  return database_->commit("remove_token", true, [&](MemoryDatabase::Edit& edit) -> Status {
    if (edit.find(kTokens, Key().text(id.str()))) remove(edit, id);
    return {};
  });
}

Status MemorySecrets::put_project_secret(const SecretId& id, const WorkspaceId& workspace, const std::string& sealed) {
  const auto now = clock_.wall_us();
  return database_->commit("put_project_secret", true, [&](MemoryDatabase::Edit& edit) -> Status {
    const Key key = Key().text(id.str());
    if (edit.find(kProjects, key)) return make_error(Code::already_exists, "this secret is there already");
    edit.put(kProjects, key, rows::Row{id.str(), workspace.str(), sealed, now});
    return {};
  });
}

Result<std::optional<std::string>> MemorySecrets::project_secret(const SecretId& id) {
  TRY(const auto view, database_->view("project_secret"));
  const auto row = view.find(kProjects, Key().text(id.str()));
  return row ? std::optional<std::string>(text(*row, 2)) : std::optional<std::string>();
}

Result<Secrets::Looked> MemorySecrets::leftovers(std::int64_t created_before_us, const SecretId& after, int limit) {
  TRY(const auto view, database_->view("leftovers"));
  std::map<SecretId, WorkspaceId> old;
  view.scan(kPasswords, Key(), [&](const rows::Row& row) {
    if (number(row, 2) < created_before_us) old.emplace(SecretId(text(row, 0)), identity_domain());
    return true;
  });
  view.scan(kTokens, Key(), [&](const rows::Row& row) {
    if (number(row, 6) < created_before_us)
      old.emplace(SecretId(text(row, 0)),
                  number(row, 1) == static_cast<std::int64_t>(TokenKind::worker) ? WorkspaceId(text(row, 2)) : identity_domain());
    return true;
  });
  view.scan(kProjects, Key(), [&](const rows::Row& row) {
    if (number(row, 3) < created_before_us) old.emplace(SecretId(text(row, 0)), WorkspaceId(text(row, 1)));
    return true;
  });
  const std::set<std::string> named = named_secrets(view);
  const bool parked = may_be_parked(view);
  Looked looked;
  int seen = 0;
  for (auto it = old.upper_bound(after); it != old.end() && seen < limit; ++it, ++seen) {
    looked.through = it->first;
    if (!parked && !named.contains(it->first.str())) looked.leftovers.push_back({it->first, it->second});
  }
  if (seen < limit) looked.through = SecretId();
  return looked;
}

Result<int> MemorySecrets::sweep(const std::vector<SecretId>& ids) {
  int removed = 0;
  TRY_STATUS(database_->commit("sweep", true, [&](MemoryDatabase::Edit& edit) -> Status {
    const std::set<std::string> named = named_secrets(edit);
    if (may_be_parked(edit)) return {};
    for (const auto& id : ids) {
      const Key key = Key().text(id.str());
      if (named.contains(id.str()) || (!edit.find(kPasswords, key) && !edit.find(kTokens, key) && !edit.find(kProjects, key))) continue;
      remove(edit, id);
      ++removed;
    }
    return {};
  }));
  return removed;
}

Status MemorySecrets::put_key(const std::string& name, const std::string& sealed) {
  return database_->commit("put_key", true, [&](MemoryDatabase::Edit& edit) -> Status {
    const Key key = Key().text(name);
    if (edit.find(kKeys, key)) return make_error(Code::already_exists, "key " + name + " is there already");
    edit.put(kKeys, key, rows::Row{sealed});
    return {};
  });
}

Result<std::optional<std::string>> MemorySecrets::key(const std::string& name) {
  TRY(const auto view, database_->view("key"));
  const auto row = view.find(kKeys, Key().text(name));
  return row ? std::optional<std::string>(text(*row, 0)) : std::optional<std::string>();
}

}  // namespace dossier::producers
