// Names, partitions and derived ids.
#include "events/names.hpp"

#include "base/encoding.hpp"
#include "events/limits.hpp"

namespace dossier::events {
namespace {

// Length prefixes keep ("ab","c") apart from ("a","bc").
void append_part(std::string& out, std::string_view part) {
  out += std::to_string(part.size());
  out += ':';
  out += part;
}

}  // namespace

std::uint64_t fnv1a64(std::string_view key) noexcept {
  std::uint64_t hash = 14695981039346656037ull;
  for (unsigned char c : key) {
    hash ^= c;
    hash *= 1099511628211ull;
  }
  return hash;
}

std::int32_t partition_of(std::string_view key, std::int32_t partitions) noexcept {
  return static_cast<std::int32_t>(fnv1a64(key) % static_cast<std::uint64_t>(partitions));
}

bool is_pool(std::string_view pool) noexcept {
  if (pool.empty() || pool.size() > 100) return false;
  for (char c : pool)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-')) return false;
  return true;
}

std::string user_stream(const UserId& id) { return "user/" + id.str(); }
std::string login_stream(std::string_view login, std::string_view key) { return "login/" + to_hex(crypto::view(crypto::hmac_sha256(key, login))); }
std::string slug_stream(std::string_view slug) { return "slug/" + std::string(slug); }
std::string secret_stream(const SecretId& id) { return "secret/" + id.str(); }
std::string workspace_stream(const WorkspaceId& id) { return "workspace/" + id.str(); }
std::string members_stream(const WorkspaceId& id) { return "workspace/" + id.str() + "/members"; }
std::string issue_numbers_stream(const WorkspaceId& id) { return "workspace/" + id.str() + "/issues"; }
std::string project_stream(const ProjectId& id) { return "project/" + id.str(); }
std::string project_use_stream(const ProjectId& id) { return "project/" + id.str() + "/use"; }
std::string issue_stream(const IssueId& id) { return "issue/" + id.str(); }
std::string copy_stream(const IssueId& id) { return "issue/" + id.str() + "/copy"; }
std::string comment_stream(const CommentId& id) { return "comment/" + id.str(); }
std::string session_stream(const SessionId& id) { return "session/" + id.str(); }
std::string task_stream(const TaskId& id) { return "task/" + id.str(); }
std::string worker_stream(const WorkerId& id) { return "worker/" + id.str(); }
std::string parking_stream(std::string_view read_model) { return "parking/" + std::string(read_model); }

bool is_stream(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxStreamName) return false;
  bool slash = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] < 0x21 || name[i] > 0x7e) return false;
    slash = slash || (name[i] == '/' && i > 0 && i + 1 < name.size());
  }
  return slash;
}

CommitId derive_commit_id(const WorkspaceId& workspace, std::string_view principal, std::string_view route, std::string_view key) {
  std::string input = "dossier.commit.v1";
  append_part(input, workspace.str());
  append_part(input, principal);
  append_part(input, route);
  append_part(input, key);
  return CommitId("cmm_" + crypto::uuid8_hex(crypto::sha256(input)));
}

std::string derive_uuid(const CommitId& commit, std::string_view prefix, std::uint32_t ordinal) {
  std::string input = "dossier.id.v1";
  append_part(input, commit.str());
  append_part(input, prefix);
  append_part(input, std::to_string(ordinal));
  return crypto::uuid8_hex(crypto::sha256(input));
}

}  // namespace dossier::events
