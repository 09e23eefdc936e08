// Where things are: the partition of a workspace, the names of streams and topics, ids derived from a commit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::events {

// Topic names of one installation. Several installations may share a cluster under different prefixes.
struct Topics {
  std::string prefix = "dossier";
  std::string events() const { return prefix + ".events"; }
  std::string reports() const { return prefix + ".reports"; }
  std::string activity() const { return prefix + ".activity"; }
  std::string checkpoints() const { return prefix + ".checkpoints"; }
  std::string tasks(std::string_view pool) const { return prefix + ".tasks." + std::string(pool); }
  std::string control(std::string_view pool) const { return prefix + ".control." + std::string(pool); }
};

// FNV-1a-64(key) mod partitions. Golden-tested: never changes.
std::uint64_t fnv1a64(std::string_view key) noexcept;
std::int32_t partition_of(std::string_view key, std::int32_t partitions) noexcept;

// A pool: [a-z0-9._-], 1 to 100 characters.
bool is_pool(std::string_view pool) noexcept;

// Streams.
std::string user_stream(const UserId& id);
std::string login_stream(std::string_view login, std::string_view key);  // key: the server's name key (HMAC-SHA-256)
std::string slug_stream(std::string_view slug);
std::string secret_stream(const SecretId& id);
inline constexpr std::string_view kServerAdminStream = "server/admin";
std::string workspace_stream(const WorkspaceId& id);
std::string members_stream(const WorkspaceId& id);
std::string issue_numbers_stream(const WorkspaceId& id);
std::string project_stream(const ProjectId& id);
std::string project_use_stream(const ProjectId& id);
std::string issue_stream(const IssueId& id);
std::string copy_stream(const IssueId& id);
std::string comment_stream(const CommentId& id);
std::string session_stream(const SessionId& id);
std::string task_stream(const TaskId& id);
std::string worker_stream(const WorkerId& id);
std::string parking_stream(std::string_view read_model);
// Printable ASCII without spaces, 1 to kMaxStreamName characters, with a '/' inside.
bool is_stream(std::string_view name) noexcept;

// commit_id = UUIDv8 of SHA-256 over (workspace, principal, route, key), each length-prefixed.
CommitId derive_commit_id(const WorkspaceId& workspace, std::string_view principal, std::string_view route, std::string_view key);
// The id of the n-th new thing of a kind which a commit makes: UUIDv8 of SHA-256(commit id, prefix, ordinal).
std::string derive_uuid(const CommitId& commit, std::string_view prefix, std::uint32_t ordinal);
template <class IdType>
IdType derive_id(const CommitId& commit, std::uint32_t ordinal = 0) {
  return IdType(std::string(IdType::prefix()) + "_" + derive_uuid(commit, IdType::prefix(), ordinal));
}

}  // namespace dossier::events
