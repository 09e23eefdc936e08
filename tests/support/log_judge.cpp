// Judging records, and comparing what they say with what clients were told.
#include "tests/support/log_judge.hpp"

#include "events/codec.hpp"
#include "events/fold.hpp"
#include "events/task.hpp"

namespace dossier::test {

void LogJudge::note(std::string fault) {
  if (fault_.empty()) fault_ = std::move(fault);
}

Result<events::Judgement> LogJudge::take(std::int32_t number, std::string_view value) {
  Partition& partition = partitions_[number];
  partition.head.partition = number;
  const auto envelope = events::decode(value);
  TRY(events::Judgement judgement, events::judge(partition.head, partition.book, envelope, value));
  if (judgement.verdict != events::Verdict::accepted) return judgement;
  const v1::Commit& commit = envelope.record.commit();
  Accepted& accepted = accepted_[commit.commit_id()];
  accepted.seq = judgement.seq;
  ++accepted.times;
  std::uint64_t& last = last_seq_[commit.workspace_id()];
  if (judgement.seq != last + 1) note("seq is not dense in " + commit.workspace_id());
  last = judgement.seq;
  look_at_tasks(commit);
  return judgement;
}

void LogJudge::look_at_tasks(const v1::Commit& commit) {
  for (const auto& event : commit.events()) {
    v1::EventPayload payload;
    if (payload.ParseFromString(event.payload()) && payload.has_task()) look_at_task(event.stream(), payload.task());
  }
}

void LogJudge::look_at_task(const std::string& stream, const v1::TaskEvent& fact) {
  v1::TaskState& task = tasks_[stream];
  if (events::is_terminal(task.status()) && !fact.has_late_result_recorded())
    note(stream + " went on after it had ended as " + std::string(events::status_name(task.status())));
  if (fact.has_task_claimed()) {
    if (++claims_[{stream, fact.task_claimed().offer()}] > 1) note(stream + " was claimed twice under one offer");
    if (events::is_leased(task.status())) note(stream + " was claimed while another lease was open");
  }
  events::evolve(task, fact);
}

std::vector<std::string> LogJudge::open_tasks() const {
  std::vector<std::string> open;
  for (const auto& [stream, task] : tasks_)
    if (!events::is_terminal(task.status())) open.push_back(stream + " is " + std::string(events::status_name(task.status())));
  return open;
}

std::string LogJudge::check(const std::vector<AskedCommand>& commands) const {
  for (const AskedCommand& command : commands) {
    const auto found = accepted_.find(command.commit_id);
    const int times = found == accepted_.end() ? 0 : found->second.times;
    const std::string what = command.what + " " + command.commit_id;
    if (times > 1) return what + " was accepted " + std::to_string(times) + " times";
    if (command.accepted && times == 0) return what + " was acknowledged and is not in the log";
    if (command.accepted && found->second.seq != command.seq) return what + " was told another seq than the log gives it";
    // After an answer that left it open, a refusal speaks of the later attempt: the earlier record may still settle.
    if (command.ever_open) continue;
    if (command.refused && times > 0) return what + " was refused (" + command.refusal + ") and is in the log all the same";
    if (command.unchanged && times > 0) return what + " was answered as changing nothing, and is in the log";
  }
  return {};
}

}  // namespace dossier::test
