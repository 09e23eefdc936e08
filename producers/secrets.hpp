// Secrets: hashes of passwords and tokens, and sealed secrets of projects, in tables that no rebuild touches, written with synchronous_commit=on. A
// row is written first, under a fresh id, and counts only while an accepted event names that id; leftovers are swept. Implementations:
// postgres_secrets.cpp, memory_secrets.cpp. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::producers {

enum class TokenKind : std::uint8_t { user, worker };

struct TokenRecord {
  SecretId id;
  TokenKind kind = TokenKind::user;
  std::string subject;          // user token: usr_…; worker token: ws_… (its workspace)
  crypto::Hash sha256{};        // of the whole token text
  std::string prefix;           // its first characters, for people
  std::int64_t expires_us = 0;  // 0 = never
};

class Secrets {
 public:
  virtual ~Secrets() = default;
  // already_exists: this id is taken (ids are never used again).
  virtual Status put_password(const SecretId& id, const std::string& phc) = 0;
  virtual Result<std::optional<std::string>> password(const SecretId& id) = 0;
  // already_exists: this id or this hash is taken.
  virtual Status put_token(const TokenRecord& token) = 0;
  // Whatever expiry says: the caller compares it with its clock, and asks the folded state whether the id counts.
  virtual Result<std::optional<TokenRecord>> find_token(const crypto::Hash& sha256) = 0;
  virtual Status remove_token(const SecretId& id) = 0;

  // Of a project of the workspace, sealed by the caller. already_exists: this id is taken.
  virtual Status put_project_secret(const SecretId& id, const WorkspaceId& workspace, const std::string& sealed) = 0;
  // Sealed as it was put, whether its id counts or not.
  virtual Result<std::optional<std::string>> project_secret(const SecretId& id) = 0;

  // A secret that no accepted event names, as far as the live generation knows. Nothing is called a leftover while rows of
  // a read model that could name it are parked.
  struct Leftover {
    SecretId id;
    WorkspaceId domain;  // whose event would name it
  };
  struct Looked {
    std::vector<Leftover> leftovers;
    SecretId through;  // look after this one next; empty: that were all
  };
  // Looks at secrets made before `created_before_us`, in order of id after `after`, at most `limit` (1 or more).
  virtual Result<Looked> leftovers(std::int64_t created_before_us, const SecretId& after, int limit) = 0;
  // Removes those of them that are leftovers now; how many. Only once no event can come to name them: secret_sweeper.hpp.
  virtual Result<int> sweep(const std::vector<SecretId>& ids) = 0;

  // Named key material, sealed by the caller. put: already_exists keeps the first.
  virtual Status put_key(const std::string& name, const std::string& sealed) = 0;
  virtual Result<std::optional<std::string>> key(const std::string& name) = 0;
};

}  // namespace dossier::producers
