// An issue as of a moment: folded from its accepted events, in the very JSON of GET /v1/issues/{id}. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "replay/entry.hpp"

namespace dossier::replay {

// *_json hold JSON text ("null" where a text is sealed or a comment was removed), so that both ways to an issue, the read
// model's rows and this fold, meet in one rendering.
struct CommentDocument {
  std::string id;
  std::string author_id;
  std::string body_json;
  std::int64_t created_us = 0;
  bool edited = false;
  bool removed = false;
  std::uint64_t seq = 0;
};
struct IssueDocument {
  std::string id;
  std::string workspace_id;
  std::uint64_t number = 0;
  std::string title_json;
  std::string body_json;
  std::string status;
  std::string project_id;  // empty: none (null)
  std::string author_id;
  std::int64_t created_us = 0;
  std::int64_t updated_us = 0;
  std::uint64_t seq = 0;
  std::int64_t comment_count = 0;
  std::vector<CommentDocument> comments;  // in the order in which they were added
};
// {"id":…,"workspace_id":…,"number":…,"title":…,"body":…,"status":…,"project_id":…,"author_id":…,"created_at":…,
//  "updated_at":…,"seq":…,"comment_count":…,"comments":[{"id":…,"issue_id":…,"author_id":…,"body":…,"created_at":…,
//  "edited":…,"removed":…,"seq":…}]}
void append_json(std::string& out, const IssueDocument& issue);

// Total: an event that is unknown, or not part of the document, changes nothing.
class IssueFold {
 public:
  IssueFold(const WorkspaceId& workspace, const IssueId& issue);
  void apply(const Entry& entry);
  bool exists() const { return opened_; }
  const IssueDocument& document() const { return document_; }

 private:
  void touch(const Entry& entry);
  void apply_issue(const Entry& entry, const v1::IssueEvent& event);
  void apply_comment(const Entry& entry, const v1::CommentEvent& event);

  IssueDocument document_;
  bool opened_ = false;
};

}  // namespace dossier::replay
