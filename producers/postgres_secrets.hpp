// Secrets on PostgreSQL, always durable on return.
#pragma once

#include "platform/postgres/pool.hpp"
#include "producers/secrets.hpp"

namespace dossier::producers {

class PostgresSecrets final : public Secrets {
 public:
  // The pool's connections commit synchronously (ConnectionOptions::synchronous_commit).
  explicit PostgresSecrets(postgres::Pool& pool) : pool_(pool) {}
  Status put_password(const SecretId& id, const std::string& phc) override;
  Result<std::optional<std::string>> password(const SecretId& id) override;
  Status put_token(const TokenRecord& token) override;
  Result<std::optional<TokenRecord>> find_token(const crypto::Hash& sha256) override;
  Status remove_token(const SecretId& id) override;
  Status put_project_secret(const SecretId& id, const WorkspaceId& workspace, const std::string& sealed) override;
  Result<std::optional<std::string>> project_secret(const SecretId& id) override;
  Result<Looked> leftovers(std::int64_t created_before_us, const SecretId& after, int limit) override;
  Result<int> sweep(const std::vector<SecretId>& ids) override;
  Status put_key(const std::string& name, const std::string& sealed) override;
  Result<std::optional<std::string>> key(const std::string& name) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace dossier::producers
