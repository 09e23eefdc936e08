// Reports that the server has not accepted yet. Each keeps its sequence and its bytes; it is sent again, at a growing pace,
// until accepted_through covers it. The server takes them in their order only, so all that wait go with the oldest one: were
// each repeated at a pace of its own, a worker that lost one report would stay behind as long as it has new ones. One that
// asks for an answer is sent on until the answer is there. Pure: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "dossier/v1/worker.pb.h"

namespace dossier::worker {

class ReportOutbox {
 public:
  static constexpr std::size_t kMaxOutstanding = 1'024;
  static constexpr std::int64_t kFirstRepeatUs = 1'000'000;
  static constexpr std::int64_t kMaxRepeatUs = 8'000'000;
  static constexpr std::size_t kRepeatBurst = 32;  // reports sent again at one tick

  struct Sent {
    std::uint64_t sequence = 0;
    std::string body;  // Report bytes: the same at every repeat
  };

  // Gives the report the next sequence, keeps its bytes, and returns what to send. `held`: it is sent again until it is
  // both accepted and released: the server says its answer again whenever it comes.
  Sent add(v1::Report report, std::int64_t now_us, bool held = false);
  // Those to be sent now, oldest first.
  std::vector<Sent> due(std::int64_t now_us);
  // When due() next has something; INT64_MAX: nothing is outstanding.
  std::int64_t next_due_us() const;
  void accepted_through(std::uint64_t sequence);
  // A held one has its answer.
  void release(std::uint64_t sequence);
  // Refused for good: counts as handled.
  void refused(std::uint64_t sequence);

  bool empty() const { return outstanding_.empty(); }
  std::size_t size() const { return outstanding_.size(); }
  std::uint64_t last_sequence() const { return last_sequence_; }

 private:
  struct Outstanding {
    std::uint64_t sequence = 0;
    std::string body;
    std::int64_t due_us = 0;
    std::int64_t pause_us = kFirstRepeatUs;
    bool held = false;
    bool accepted = false;
  };
  const Outstanding* oldest() const;  // of those that are not accepted; nullptr: there is none
  std::deque<Outstanding> outstanding_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace dossier::worker
