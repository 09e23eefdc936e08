// Turns, what follows them, and what agents ask for and are told.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/mutation.hpp"
#include "worker/protocol.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kMaxNameBytes = 512;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

// ---- what runs say

void Protocol::on_turn_began(const RunKey& key, std::uint32_t turn, const std::string& provider_turn, Now now) {
  guard(now);
  if (!may_speak_of(key)) return;
  Run& run = runs_.at(key);
  // What was handed to a turn that broke off may still be on its way, and reach this one: it is not handed over twice.
  if (!run.in_turn || mutation::on(mutation::Name::steer_late_words)) {
    run.steered.clear();
    run.steered_reported.clear();
  }
  run.turn = turn;
  run.in_turn = true;
  v1::Report report = new_report(key, now);
  report.mutable_turn_began()->set_turn(turn);
  report.mutable_turn_began()->set_provider_turn(clean_text(provider_turn, kMaxNameBytes));
  send(std::move(report), now);
}

void Protocol::on_turn_ended(const RunKey& key, const v1::TurnEnded& turn, Now now) {
  guard(now);
  if (!may_speak_of(key)) return;
  Run& run = runs_.at(key);
  if (run.asks != 0) return;
  v1::Report report = new_report(key, now);
  *report.mutable_turn_ended() = turn;
  report.mutable_turn_ended()->set_reason(clean_text(turn.reason(), kMaxNameBytes));
  run.turn = turn.turn();
  run.in_turn = false;
  run.accepted_us = 0;
  run.asks = send(std::move(report), now, true);
}

void Protocol::on_approval_asked(const RunKey& key, v1::ApprovalRequested request, Now now) {
  guard(now);
  if (!may_speak_of(key)) return;
  const std::string name = request.provider_request();
  v1::Report report = new_report(key, now);
  *report.mutable_approval_asked() = std::move(request);
  runs_.at(key).open[name] = send(std::move(report), now);
}

void Protocol::on_approval_withdrawn(const RunKey& key, const std::string& provider_request, Now now) {
  guard(now);
  const auto run = runs_.find(key);
  if (run == runs_.end() || run->second.open.erase(provider_request) == 0 || !may_speak_of(key)) return;
  v1::Report report = new_report(key, now);
  report.mutable_approval_answered()->set_provider_request(provider_request);
  report.mutable_approval_answered()->set_how("withdrawn");
  send(std::move(report), now);
}

void Protocol::on_approval_answered(const RunKey& key, const std::string& request_id, const std::string& how, Now now) {
  guard(now);
  if (!may_speak_of(key)) return;
  v1::Report report = new_report(key, now);
  report.mutable_approval_answered()->set_request_id(request_id);
  report.mutable_approval_answered()->set_how(how);
  send(std::move(report), now);
}

void Protocol::on_follow_up_steered(const RunKey& key, const std::string& follow_up_id, std::uint32_t turn, Now now) {
  guard(now);
  if (!may_speak_of(key)) return;
  Run& run = runs_.at(key);
  if (!run.steered.contains(follow_up_id) || !run.steered_reported.insert(follow_up_id).second) return;
  run.told.add(follow_up_id);
  v1::Report report = new_report(key, now);
  report.mutable_follow_up_steered()->set_follow_up_id(follow_up_id);
  report.mutable_follow_up_steered()->set_turn(turn);
  send(std::move(report), now);
}

// ---- what the server says

void Protocol::on_run_control(const v1::ControlMessage& message) {
  const auto with_run = [&](const auto& part, const auto& act) {
    const auto found = runs_.find(RunKey{part.task_id(), part.offer()});
    if (found != runs_.end() && found->second.stop == StopReason::none) act(found->first, found->second);
  };
  if (message.has_next_turn()) {
    with_run(message.next_turn(), [&](const RunKey& key, Run& run) { next_turn(key, run, message.next_turn()); });
  } else if (message.has_finish_run()) {
    with_run(message.finish_run(), [&](const RunKey& key, Run& run) {
      if (message.finish_run().turn() == run.turn) finish_run(key, run);
    });
  } else if (message.has_approval_decision()) {
    with_run(message.approval_decision(), [&](const RunKey& key, Run& run) { decide_approval(key, run, message.approval_decision()); });
  } else if (message.has_steer_run()) {
    with_run(message.steer_run(), [&](const RunKey& key, Run& run) { steer(key, run, message.steer_run().input()); });
  }
}

void Protocol::next_turn(const RunKey& key, Run& run, const v1::NextTurn& next) {
  if (run.asks == 0 || next.turn() != run.turn + 1) return;
  if (next.inputs().empty()) return finish_run(key, run);  // a turn in which nothing is said is none
  outbox_.release(std::exchange(run.asks, 0));
  for (const auto& input : next.inputs()) run.told.add(input.follow_up_id());
  actions_.push_back(BeginTurn{key, next.turn(), {next.inputs().begin(), next.inputs().end()}});
}

void Protocol::finish_run(const RunKey& key, Run& run) {
  if (run.asks == 0) return;
  outbox_.release(std::exchange(run.asks, 0));
  actions_.push_back(FinishRun{key});
}

void Protocol::decide_approval(const RunKey& key, Run& run, const v1::ApprovalDecision& decision) {
  const std::string& id = decision.resolved().request_id();
  if (id.empty() || !run.decided.add(id)) return;
  // An agent may number its requests anew under each offer: the server's name comes first.
  if (run.open.erase(id) == 0) run.open.erase(decision.provider_request());
  actions_.push_back(AnswerApproval{key, decision.provider_request(), decision.resolved()});
}

bool Protocol::Known::add(const std::string& name) {
  if (!names.insert(name).second) return false;
  order.push_back(name);
  if (order.size() > kMaxKnown) {
    names.erase(order.front());
    order.pop_front();
  }
  return true;
}

// Where no turn runs, the follow-up goes with the next one by itself.
void Protocol::steer(const RunKey& key, Run& run, const v1::TurnInput& input) {
  const bool counts_late = mutation::on(mutation::Name::steer_late_words);
  if (!counts_late && run.told.names.contains(input.follow_up_id())) return;
  if (!run.in_turn || run.steered.size() >= kMaxSteered || !run.steered.insert(input.follow_up_id()).second) return;
  actions_.push_back(Steer{key, input});
}

void Protocol::note_accepted(std::uint64_t sequence, Now now) {
  outbox_.accepted_through(sequence);
  for (auto& [key, run] : runs_)
    if (run.asks != 0 && run.asks <= sequence && run.accepted_us == 0) run.accepted_us = now.boot_us;
}

// It will never be accepted, so what it asked for will never be answered.
void Protocol::on_refused(const v1::ReportRefused& refused) {
  outbox_.refused(refused.sequence());
  for (auto& [key, run] : runs_) {
    if (run.stop != StopReason::none) continue;
    if (run.asks == refused.sequence()) finish_run(key, run);
    const auto asked = std::find_if(run.open.begin(), run.open.end(), [&](const auto& open) { return open.second == refused.sequence(); });
    if (refused.sequence() == 0 || asked == run.open.end()) continue;
    v1::ApprovalResolved declined;
    declined.set_decision("decline");
    declined.set_by("system");
    declined.mutable_reason()->set_plain("the server refused the question: " + refused.message());
    actions_.push_back(AnswerApproval{key, asked->first, std::move(declined)});
    run.open.erase(asked);
  }
}

std::int64_t Protocol::answer_until_us(const Run& run) {
  if (run.stop != StopReason::none || run.asks == 0 || run.accepted_us == 0 || !run.open.empty()) return kNever;
  return run.accepted_us + kTurnAnswerUs;
}

}  // namespace dossier::worker
