// A follower's place in the commits of a workspace: from the id of the last message that it saw to the next message. Pure:
// the rows come from whoever reads the journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dossier::api {

// The id of a message: "<history>-<seq>".
struct CommitPlace {
  std::uint64_t history = 0;
  std::uint64_t seq = 0;
};
// invalid_field names Last-Event-ID.
Result<CommitPlace> parse_commit_place(std::string_view text);

// precondition_failed: the place may not be part of the log's present history.
Error history_repaired();

// Whether the journal has to have this place: not at the start, and not where it is ahead of this server, which then waits.
bool must_exist(const CommitPlace& place, std::uint64_t visible_seq);
// The seq behind which a follower goes on. `record`: the journal's bytes of the commit there, where it must exist.
// precondition_failed: the log was repaired, and that commit is not part of its present history.
Result<std::uint64_t> start_at(const CommitPlace& place, std::optional<std::string_view> record);

class CommitCursor {
 public:
  explicit CommitCursor(std::uint64_t after_seq) : seq_(after_seq) {}
  std::uint64_t seq() const { return seq_; }  // of the last message
  // The message of the next commit; corrupt where it is not the next one.
  Result<std::string> message(std::string_view record, std::uint64_t seq, std::int64_t time_us);

 private:
  std::uint64_t seq_;
};

}  // namespace dossier::api
