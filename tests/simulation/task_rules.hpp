// What a task may do, written down a second time and apart from events/task: the simulation holds every accepted fact of the
// log against it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "dossier/v1/payload.pb.h"
#include "platform/topic/topic.hpp"

namespace dossier::simulation {

// Signs of life that workers gave, as dossier.reports has them, in the broker's time: that of each partition by itself, since
// a clock that is set back stands still in every partition until it has passed what was appended there.
class SignsOfLife {
 public:
  // A record of dossier.reports.
  void read(const topic::Record& record);
  // A record of a control topic: what a worker must have heard of to count as listening.
  void said(const std::string& topic, std::int64_t offset, std::int64_t append_time_us);
  // The broker lost the last reports, and who read them before is not known here: of who holds a task now nothing is judged.
  void doubt();
  // Another boot of its worker claimed this offer too.
  bool claimed_by_another(const std::string& task, std::uint32_t offer, const std::string& boot) const;
  // The longest silence of the holder of this offer, as far as the log goes.
  std::int64_t longest_silence_us(const std::string& task, std::uint32_t offer) const;

 private:
  struct Holder {
    std::int32_t partition = 0;
    std::int64_t last_us = 0;
    std::int64_t longest_us = 0;
  };
  std::map<std::pair<std::string, std::uint32_t>, Holder> holders_;
  std::map<std::pair<std::string, std::uint32_t>, std::set<std::string>> claimants_;  // boots
  std::map<std::string, std::map<std::int64_t, std::int64_t>> said_;                  // by topic: append time → offset
  std::map<std::int32_t, std::int64_t> now_us_;                                       // by partition of reports
};

class TaskRules {
 public:
  explicit TaskRules(const SignsOfLife& signs) : signs_(signs) {}
  // The next fact of a task's stream; empty, or which rule it breaks.
  std::string fact(const std::string& stream, const v1::TaskEvent& fact);
  // The commit that it was part of is over.
  void end_of_commit() { expired_now_.clear(); }
  // This boot's claim of this offer was accepted.
  bool claimed(const std::string& task_id, std::uint32_t offer, const std::string& boot) const;

 private:
  enum class Stage : std::uint8_t { unknown, queued, offered, leased, ended };
  struct Task {
    Stage stage = Stage::unknown;
    std::uint32_t offer = 0;
    std::uint32_t attempts = 0;
    std::string worker;
    std::map<std::uint32_t, std::string> claims;  // offer → boot
  };
  std::string claim(Task& task, const v1::TaskClaimed& fact);
  std::string expire(const std::string& stream, Task& task, const v1::TaskLeaseExpired& fact);
  std::string end(const std::string& stream, Task& task, std::uint32_t offer, bool queued_again);

  const SignsOfLife& signs_;
  std::map<std::string, Task> tasks_;  // by stream
  std::set<std::string> expired_now_;
};

}  // namespace dossier::simulation
