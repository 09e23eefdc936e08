// What the log means, judged a second time and apart from events/ledger, record by record as the broker stores it. All that
// the simulation checks is held against this.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "events/ledger.hpp"
#include "events/names.hpp"
#include "platform/topic/topic.hpp"
#include "tests/simulation/approval_rules.hpp"
#include "tests/simulation/follow_up_rules.hpp"
#include "tests/simulation/task_rules.hpp"

namespace dossier::simulation {

class LogModel {
 public:
  struct Entry {
    events::Verdict verdict = events::Verdict::control;
    std::uint64_t seq = 0;  // accepted
    std::string workspace;
    std::string commit_id;
  };
  struct Accepted {
    std::uint64_t seq = 0;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    int times = 0;
  };

  // What people may see now, and do something about.
  struct News {
    enum class Kind : std::uint8_t { asked, said } kind = Kind::asked;
    std::string workspace;
    std::string session;
    std::string subject;  // approval or follow-up
  };

  LogModel(const events::Topics& topics, std::int32_t partitions);
  void stored(const topic::Record& record);
  // The broker's machine failed, and reports may be gone.
  void doubt_reports() { signs_.doubt(); }
  // A tail is gone: what it knew of the events is judged anew from what is left.
  void begin_again();

  const std::string& fault() const { return fault_; }  // empty: none so far
  const std::vector<Entry>& entries(std::int32_t partition) const { return entries_.at(static_cast<std::size_t>(partition)); }
  const Accepted* accepted(const std::string& commit_id) const;
  // The commit with this seq; empty: none yet.
  std::string commit_at(const std::string& workspace, std::uint64_t seq) const;
  // It has this commit there, or had before it lost a tail: a partition that halts for that is read on as it was applied.
  bool had_at(const std::string& workspace, std::uint64_t seq, const std::string& commit_id) const;
  std::uint64_t last_seq(const std::string& workspace) const;
  const TaskRules& tasks() const { return *tasks_; }
  const FollowUpRules& follow_ups() const { return follow_ups_; }
  const ApprovalRules& approvals() const { return approvals_; }
  // Since the last call.
  std::vector<News> take_news() { return std::exchange(news_, {}); }

 private:
  struct Workspace {
    std::unordered_map<std::string, std::uint64_t> versions;
    std::vector<std::string> commits;  // by seq - 1
  };
  Entry judge(const topic::Record& record);
  void accept(const topic::Record& record, const v1::Commit& commit, Entry& entry);
  std::string rule_broken_by(const std::string& workspace, const v1::Event& event);

  const std::string events_;  // names of topics
  const std::string reports_;
  std::string fault_;
  std::vector<std::vector<Entry>> entries_;
  std::unordered_map<std::string, Workspace> workspaces_;
  std::unordered_map<std::string, Accepted> accepted_;
  std::set<std::tuple<std::string, std::uint64_t, std::string>> before_;  // workspace, seq, commit: of tails that were lost too
  SignsOfLife signs_;
  std::unique_ptr<TaskRules> tasks_;
  FollowUpRules follow_ups_;
  ApprovalRules approvals_;
  std::vector<News> news_;
};

}  // namespace dossier::simulation
