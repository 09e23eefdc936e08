// The log judged once more from its beginning, and what must hold of it and of the answers that clients were given. The
// same for the simulation, whose log is in memory, and for the tests that break real clusters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"
#include "events/ledger.hpp"

namespace dossier::test {

// One command under one Idempotency-Key, and all that was said about it.
struct AskedCommand {
  std::string what;
  std::string commit_id;
  bool accepted = false;
  std::uint64_t seq = 0;   // accepted
  bool unchanged = false;  // answered without a commit
  bool refused = false;    // a final answer that nothing was done
  std::string refusal;     // its code
  bool ever_open = false;  // some answer on the way said "open" or "undecided", or none came
};

class LogJudge {
 public:
  struct Accepted {
    std::uint64_t seq = 0;
    int times = 0;
  };

  // The next record of a partition, from offset 0. Its judgement, to be held against the journal's; an error where the
  // log can't be judged any further.
  Result<events::Judgement> take(std::int32_t partition, std::string_view value);

  // Empty: all of this holds of what was taken. Otherwise the first thing that does not.
  //  - seq is dense in every workspace
  //  - at most one claim is accepted for an offer of a task, and only one lease is open at a time
  //  - after a terminal fact nothing else happens to a task
  const std::string& fault() const { return fault_; }
  // Empty: an acknowledged commit was accepted exactly once, with the seq that was told; what was refused, or answered as
  // changing nothing, was never accepted, unless an earlier answer had left it open.
  std::string check(const std::vector<AskedCommand>& commands) const;
  // Streams of tasks that were queued and have no terminal fact.
  std::vector<std::string> open_tasks() const;

  const std::map<std::string, Accepted>& accepted() const { return accepted_; }       // by commit id
  const std::map<std::string, std::uint64_t>& last_seq() const { return last_seq_; }  // by workspace

 private:
  struct Partition {
    events::PartitionHead head;
    events::Book book;
  };
  void look_at_tasks(const v1::Commit& commit);
  void look_at_task(const std::string& stream, const v1::TaskEvent& fact);
  void note(std::string fault);

  std::map<std::int32_t, Partition> partitions_;
  std::map<std::string, Accepted> accepted_;
  std::map<std::string, std::uint64_t> last_seq_;
  std::map<std::pair<std::string, std::uint32_t>, int> claims_;  // by task and offer
  std::map<std::string, v1::TaskState> tasks_;                   // by stream
  std::string fault_;
};

}  // namespace dossier::test
