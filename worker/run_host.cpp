// Events to reports and activity, mail to commands.
#include "worker/run_host.hpp"

#include <utility>

#include "worker/agent_activity.hpp"

namespace dossier::worker {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

AgentInput input_of(const v1::TurnInput& input) { return {input.follow_up_id(), input.body().plain()}; }

}  // namespace

void RunHost::on_event(AgentEvent event) {
  record_event(ports_.activity, event);
  switch (event.kind) {
    case AgentEvent::Kind::session_started: return on_session_started(event);
    case AgentEvent::Kind::turn_started: return on_turn_started(event);
    case AgentEvent::Kind::turn_ended: return on_turn_ended(event);
    case AgentEvent::Kind::approval_requested:
      if (event.approval) act(ports_.approvals.on_asked(*event.approval, event.item, turn_));
      return;
    case AgentEvent::Kind::approval_resolved:
      if (event.approval) act(ports_.approvals.on_settled(event.approval->request));
      return;
    case AgentEvent::Kind::file_change:
    case AgentEvent::Kind::command_execution: return ports_.on_item(turn_, event.item);
    case AgentEvent::Kind::steered: return ports_.listener.steered(ports_.key, event.item, turn_);
    case AgentEvent::Kind::message:
    case AgentEvent::Kind::text_delta:
    case AgentEvent::Kind::reasoning:
    case AgentEvent::Kind::plan:
    case AgentEvent::Kind::tool_use:
    case AgentEvent::Kind::tool_result:
    case AgentEvent::Kind::token_usage:
    case AgentEvent::Kind::log_line:
    case AgentEvent::Kind::raw_item:
    case AgentEvent::Kind::error:
    case AgentEvent::Kind::system:
    case AgentEvent::Kind::ended: return;  // words, which the activity has
  }
}

void RunHost::on_session_started(const AgentEvent& event) {
  const bool is_new = !std::exchange(reported_session_, true) || provider_session_ != event.item;
  provider_session_ = event.item;
  if (!is_new) return;
  ports_.on_session(provider_session_);
  ports_.listener.started(ports_.key, provider_session_);
}

void RunHost::on_turn_started(const AgentEvent& event) {
  in_turn_ = true;
  ports_.listener.turn_began(ports_.key, turn_, event.item);
  act(ports_.approvals.on_quoted());
}

void RunHost::on_turn_ended(const AgentEvent& event) {
  v1::TurnEnded ended;
  ended.set_turn(turn_);
  ended.set_tokens_in(event.tokens_in);
  ended.set_tokens_out(event.tokens_out);
  ended.set_cost_microusd(event.cost_microusd);
  ended.set_reason(event.text);
  // An agent that lives waits for nothing once its turn is over. One that died with a question open did not end its turn:
  // what run() returns tells.
  if (event.text == "completed" || event.text == "interrupted") act(ports_.approvals.on_turn_over());
  if (ports_.approvals.has_unsettled())
    held_ = std::move(ended);
  else
    report_turn_ended(ended);
}

void RunHost::report_turn_ended(const v1::TurnEnded& ended) {
  in_turn_ = false;
  ++turns_ended_;
  ports_.listener.turn_ended(ports_.key, ended);
  ports_.on_turn_over(turn_);
}

void RunHost::begin(std::uint32_t turn) {
  turn_ = turn;
  held_.reset();
}

void RunHost::end(bool lost) {
  commands_.clear();
  const auto held = std::exchange(held_, std::nullopt);
  if (held && !lost) report_turn_ended(*held);
}

std::vector<AgentCommand> RunHost::take_commands() {
  read_mail();
  return std::exchange(commands_, {});
}

void RunHost::read_mail() {
  for (auto& mail : ports_.mailbox.take()) {
    std::visit(Overloaded{[&](BeginTurn& next) {
                            AgentCommand command;
                            command.kind = AgentCommand::Kind::next_turn;
                            command.turn = turn_ = next.turn;
                            inputs_ = std::move(next.inputs);
                            for (const auto& input : inputs_) command.inputs.push_back(input_of(input));
                            commands_.push_back(std::move(command));
                          },
                          [&](FinishRun&) { commands_.emplace_back(); },
                          [&](AnswerApproval& answer) { act(ports_.approvals.on_decided(answer.provider_request, answer.resolved)); },
                          [&](Steer& steer) {
                            AgentCommand command;
                            command.kind = AgentCommand::Kind::steer;
                            command.turn = turn_;
                            command.inputs.push_back(input_of(steer.input));
                            commands_.push_back(std::move(command));
                          }},
               mail);
  }
}

void RunHost::act(ApprovalActions actions) {
  for (auto& action : actions) {
    std::visit(Overloaded{[&](AskApproval& ask) { ports_.listener.approval_asked(ports_.key, ask.request); },
                          [&](TellAgent& tell) {
                            commands_.push_back(std::move(tell.command));
                            ports_.wakeup.notify();
                          },
                          [&](ApprovalKnown& known) { ports_.listener.approval_answered(ports_.key, known.request_id, known.how); },
                          [&](ApprovalWithdrawn& withdrawn) { ports_.listener.approval_withdrawn(ports_.key, withdrawn.provider_request); }},
               action);
  }
}

AgentHost::Stop RunHost::stop() const {
  const int level = ports_.stop.level.load();
  return level == 0 ? Stop::no : level == 1 ? Stop::gently : Stop::now;
}

}  // namespace dossier::worker
