// A log of one workspace and its fold, in memory, by the product's own ledger and aggregates: what decisions are tested on.
// Given commits, when a decision, then events or a refusal. Copyable, so that a test can go two ways from one state.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "events/ledger.hpp"
#include "producers/command.hpp"

namespace dossier::test {

class FoldedLog {
 public:
  FoldedLog();

  // What the snapshot says about live workers.
  std::vector<producers::LiveWorker> workers;

  // Decides on the present fold. The context's commit id derives from `key`, its actor is `actor`.
  Result<producers::Decision> decide(const producers::Decide& decide, const std::string& actor, const std::string& key) const;
  // Appends a decision as a commit and folds it. The verdict is the ledger's.
  events::Judgement append(const producers::Decision& decision, const std::string& actor, const std::string& key);
  // decide and append; the refusal, or the void verdict as a conflict.
  Status run(const producers::Decide& decide, const std::string& actor, const std::string& key);

  static CommitId commit_id(const std::string& key);
  static const WorkspaceId& workspace();
  // Streams with their versions and states: equal for equal histories.
  struct Stream {
    std::uint64_t version = 0;
    std::string state;
    bool needs_newer_code = false;
    bool operator==(const Stream&) const = default;
  };
  const std::map<std::string, Stream>& streams() const { return streams_; }
  template <class State>
  State state(const std::string& stream) const {
    State message;
    const auto it = streams_.find(stream);
    if (it != streams_.end()) message.ParseFromString(it->second.state);
    return message;
  }

  std::int64_t next_offset() const { return head_.next_offset; }

 private:
  static producers::CommandContext context(const std::string& actor, const std::string& key);
  events::PartitionHead head_;
  events::Book book_;
  std::map<std::string, Stream> streams_;
};

}  // namespace dossier::test
