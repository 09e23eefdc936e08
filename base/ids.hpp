// Typed ids. An id is a prefix and a UUID in 32 lower-case hex digits ("iss_0f…"); the type keeps a task from being
// passed where a worker is meant. Ids of new things derive from the commit that makes them (events/derive.hpp).
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dossier {

// True for "<prefix>_" followed by 32 lower-case hex digits.
bool is_id(std::string_view text, std::string_view prefix) noexcept;

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  static constexpr std::string_view prefix() { return Tag::prefix; }
  // Checks the form; the field name goes into the error.
  static Result<Id> parse(std::string_view text, std::string_view field) {
    if (!Tag::valid(text))
      return make_error(Code::invalid_field, std::string("must be an id of the form ") + std::string(Tag::prefix) + "_<32 hex digits>",
                        std::string(field));
    return Id(std::string(text));
  }

  const std::string& str() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  std::string text_;
};

#define DOSSIER_ID(Name, Prefix)                                                      \
  struct Name##Tag {                                                                  \
    static constexpr std::string_view prefix = Prefix;                                \
    static bool valid(std::string_view text) noexcept { return is_id(text, Prefix); } \
  };                                                                                  \
  using Name = Id<Name##Tag>

DOSSIER_ID(UserId, "usr");
DOSSIER_ID(ProjectId, "prj");
DOSSIER_ID(IssueId, "iss");
DOSSIER_ID(CommentId, "cmt");
DOSSIER_ID(SessionId, "ses");
DOSSIER_ID(FollowUpId, "fup");
DOSSIER_ID(TaskId, "tsk");
DOSSIER_ID(WorkerId, "wkr");
DOSSIER_ID(AgentId, "agt");
DOSSIER_ID(CommitId, "cmm");
DOSSIER_ID(SecretId, "sec");
DOSSIER_ID(ApprovalId, "apr");

// An ordering domain: a workspace, or the one domain of sign-up, logins and slugs.
struct WorkspaceIdTag {
  static constexpr std::string_view prefix = "ws";
  static bool valid(std::string_view text) noexcept { return text == "identity" || is_id(text, "ws"); }
};
using WorkspaceId = Id<WorkspaceIdTag>;
inline const WorkspaceId& identity_domain() {
  static const WorkspaceId domain{"identity"};
  return domain;
}

}  // namespace dossier

template <class Tag>
struct std::hash<dossier::Id<Tag>> {
  std::size_t operator()(const dossier::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
