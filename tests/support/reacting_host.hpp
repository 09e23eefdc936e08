// A host of an agent that keeps every event and answers it as a test says. Commands may be given on any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "worker/agents/agent.hpp"

namespace dossier::test {

class ReactingHost final : public worker::AgentHost {
 public:
  using Kind = worker::AgentEvent::Kind;
  using Reaction = std::function<void(const worker::AgentEvent&)>;

  // Unless told otherwise: a turn that ended was the last.
  ReactingHost() {
    on(Kind::turn_ended, [this](const worker::AgentEvent&) { finish(); });
  }

  void on(Kind kind, Reaction reaction) { reactions_.emplace_back(kind, std::move(reaction)); }
  // In place of the default, which finishes.
  void on_turn_ended(Reaction reaction) { reactions_.front().second = std::move(reaction); }

  void send(worker::AgentCommand command) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    wakeup_.notify();
  }
  void finish() { send({}); }
  void interrupt() { send(of_kind(worker::AgentCommand::Kind::interrupt)); }
  void next_turn(std::uint32_t turn, const std::string& id, const std::string& text) {
    worker::AgentCommand command = of_kind(worker::AgentCommand::Kind::next_turn);
    command.turn = turn;
    command.inputs = {{id, text}};
    send(std::move(command));
  }
  void steer(const std::string& id, const std::string& text) {
    worker::AgentCommand command = of_kind(worker::AgentCommand::Kind::steer);
    command.inputs = {{id, text}};
    send(std::move(command));
  }
  void resolve(const std::string& request, const std::string& decision, const std::string& reason = {}, const std::string& answer = {}) {
    worker::AgentCommand command = of_kind(worker::AgentCommand::Kind::resolve);
    command.request = request;
    command.decision = decision;
    command.reason = reason;
    command.answer = answer;
    send(std::move(command));
  }
  void ask_to_stop(Stop stop) {
    stop_ = stop;
    wakeup_.notify();
  }

  void on_event(worker::AgentEvent event) override {
    events.push_back(event);
    for (std::size_t number = 0; number < reactions_.size(); ++number)
      if (reactions_[number].first == event.kind) reactions_[number].second(event);
  }
  std::vector<worker::AgentCommand> take_commands() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(commands_, {});
  }
  bool congested() override { return false; }
  std::int64_t pump() override {
    ++pumps;
    return 1'000'000;
  }
  Stop stop() const override { return stop_; }
  process::Wakeup& wakeup() override { return wakeup_; }

  int count(Kind kind) const {
    return static_cast<int>(std::count_if(events.begin(), events.end(), [&](const auto& event) { return event.kind == kind; }));
  }
  // The newest of its kind; an empty event where there is none.
  const worker::AgentEvent& last(Kind kind) const {
    static const worker::AgentEvent kNone;
    const auto found = std::find_if(events.rbegin(), events.rend(), [&](const auto& event) { return event.kind == kind; });
    return found == events.rend() ? kNone : *found;
  }
  std::string lines(const std::string& stream) const {
    std::string text;
    for (const auto& event : events)
      if (event.kind == Kind::log_line && event.name == stream) text += event.text + "\n";
    return text;
  }

  std::vector<worker::AgentEvent> events;
  std::atomic<int> pumps{0};  // rounds of the agent's loop

 private:
  static worker::AgentCommand of_kind(worker::AgentCommand::Kind kind) {
    worker::AgentCommand command;
    command.kind = kind;
    return command;
  }

  std::vector<std::pair<Kind, Reaction>> reactions_;
  std::mutex mutex_;
  std::vector<worker::AgentCommand> commands_;
  Stop stop_ = Stop::no;
  process::Wakeup wakeup_;
};

}  // namespace dossier::test
