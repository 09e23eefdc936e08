// One thread, one poll; see child.hpp.
#include "worker/agents/child.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "worker/text/text.hpp"

namespace dossier::worker {

std::int64_t steady_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What outlives one run of the loop.
struct Child::State {
  explicit State(std::size_t max_line) : output(max_line), error(max_line) {}

  std::optional<process::Process> process;
  LineSplitter output;
  LineSplitter error;
  std::string input;  // not taken by the program yet
  bool gone = false;
  // The kernel kills a child when the thread that made it ends; this one ends last.
  std::promise<void> release;
  std::thread parent;
};

class Child::Loop {
 public:
  Loop(State& state, std::int64_t timeout_ms, AgentHost& host, const ChildHandlers& handlers)
      : state_(state), process_(*state.process), host_(host), handlers_(handlers), timeout_ms_(timeout_ms), counted_until_ms_(steady_ms()) {}

  ChildEnd run() {
    while (true) {
      count_time();
      if (const auto why = must_end()) return finish(*why);
      feed();
      if (wish_ == ChildWish::leave && state_.input.empty()) return {ChildEnd::Why::left, {}};
      const bool take = !host_.congested();
      const process::Ready ready = process_.poll(wait_ms(), &host_.wakeup(), take, !state_.input.empty());
      if (take && ready.output) read(true);
      if (take && ready.error) read(false);
      if (ready.exited || (handlers_.ends_with_output && !process_.output_open())) return finish(ChildEnd::Why::exited);
    }
  }

 private:
  // Time is counted in pieces, each as the handlers saw it at its beginning.
  void count_time() {
    const std::int64_t now = steady_ms();
    if (timed_turn_ != 0) left_ms_ -= now - counted_until_ms_;
    counted_until_ms_ = now;
    timed_turn_ = handlers_.timed_turn ? handlers_.timed_turn() : 1;
    if (timed_turn_ != 0 && timed_turn_ != last_turn_) {
      last_turn_ = timed_turn_;
      left_ms_ = timeout_ms_;
    }
  }

  std::optional<ChildEnd::Why> must_end() {
    const AgentHost::Stop stop = host_.stop();
    if (stop == AgentHost::Stop::now) return ChildEnd::Why::stopped;
    const std::int64_t now = steady_ms();
    if (stop_until_ms_ != 0) {
      if (now >= terminate_at_ms_) terminate();
      if (now >= stop_until_ms_) return why_stopped_;
      return std::nullopt;
    }
    if (stop == AgentHost::Stop::gently)
      ask_to_end(ChildEnd::Why::stopped, handlers_.own_stop_ms);
    else if (wish_ == ChildWish::terminate)
      ask_to_end(ChildEnd::Why::terminated, 0);
    else if (end_by_ms_ != 0)
      return now >= end_by_ms_ ? std::optional(ChildEnd::Why::exited) : std::nullopt;
    else if (timed_turn_ != 0 && left_ms_ <= 0)
      ask_to_end(ChildEnd::Why::timed_out, 0);
    return std::nullopt;
  }

  void ask_to_end(ChildEnd::Why why, std::int64_t own_stop_ms) {
    why_stopped_ = why;
    stop_until_ms_ = steady_ms() + kGraceMs;
    terminate_at_ms_ = steady_ms() + std::clamp<std::int64_t>(own_stop_ms, 0, kGraceMs);
    if (own_stop_ms <= 0) terminate();
  }

  void terminate() {
    if (!std::exchange(terminated_, true)) process_.signal_group(SIGTERM);
  }

  std::int64_t wait_ms() const {
    const std::int64_t now = steady_ms();
    std::int64_t wait = std::min(kMaxChildWaitMs, host_.pump() / 1'000);
    if (handlers_.due_ms) wait = std::min(wait, handlers_.due_ms());
    if (stop_until_ms_ != 0)
      wait = std::min(wait, (terminated_ ? stop_until_ms_ : terminate_at_ms_) - now);
    else if (end_by_ms_ != 0)
      wait = std::min(wait, end_by_ms_ - now);
    else if (timed_turn_ != 0)
      wait = std::min(wait, left_ms_);
    return std::max<std::int64_t>(0, wait);
  }

  void feed() {
    if (state_.input.size() < kMaxHeldInput) handlers_.more_input(state_.input);
    const ChildWish wish = handlers_.wish();
    wish_ = wish_ < ChildWish::close_input ? wish : std::max(wish_, wish);
    if ((wish_ == ChildWish::end || wish_ == ChildWish::leave) && end_by_ms_ == 0) end_by_ms_ = steady_ms() + kExitMs;
    write();
    if (wish_ >= ChildWish::close_input && state_.input.empty()) process_.close_input();
  }

  void write() {
    while (!state_.input.empty() && process_.input_open()) {
      const auto written = process_.write_input(state_.input);
      if (written && *written == 0) return;
      if (!written) break;
      state_.input.erase(0, *written);
    }
    if (!process_.input_open()) state_.input.clear();  // it does not want to read: its exit status says the rest
  }

  bool read(bool output) {
    std::string bytes;
    const bool open = output ? process_.read_output(bytes, kReadBytes) : process_.read_error(bytes, kReadBytes);
    (output ? state_.output : state_.error).feed(bytes, output ? handlers_.on_output : handlers_.on_error);
    return open && !bytes.empty();
  }

  ChildEnd finish(ChildEnd::Why why) {
    // The family first: after that nobody holds the pipes, and what is in them is all there will be.
    const bool killed = process_.kill_family();
    state_.gone = true;
    ChildEnd end;
    end.why = stop_until_ms_ != 0 && why == ChildEnd::Why::exited ? why_stopped_ : why;
    if (const auto exit = process_.try_wait(); exit && killed) end.exit = *exit;
    if (end.why != ChildEnd::Why::stopped || host_.stop() != AgentHost::Stop::now) {
      for (const bool output : {true, false})
        while (read(output)) wait_for_room();
      state_.output.finish(handlers_.on_output);
      state_.error.finish(handlers_.on_error);
    }
    return end;
  }

  void wait_for_room() {
    const std::int64_t until = steady_ms() + kGraceMs;
    while (host_.congested() && host_.stop() == AgentHost::Stop::no && steady_ms() < until)
      host_.wakeup().wait(std::max<std::int64_t>(1, std::min<std::int64_t>(host_.pump() / 1'000, 100)));
  }

  State& state_;
  process::Process& process_;
  AgentHost& host_;
  const ChildHandlers& handlers_;
  ChildWish wish_ = ChildWish::go_on;
  const std::int64_t timeout_ms_;
  std::int64_t left_ms_ = 0;  // of last_turn_
  std::int64_t counted_until_ms_;
  std::uint32_t timed_turn_ = 0;
  std::uint32_t last_turn_ = 0;
  std::int64_t end_by_ms_ = 0;      // 0: it may go on
  std::int64_t stop_until_ms_ = 0;  // 0: not stopping
  std::int64_t terminate_at_ms_ = 0;
  bool terminated_ = false;
  ChildEnd::Why why_stopped_ = ChildEnd::Why::stopped;
};

Result<std::unique_ptr<Child>> Child::spawn(const process::SpawnOptions& options, std::size_t max_line) {
  auto state = std::make_unique<State>(max_line);
  std::promise<Result<process::Process>> promise;
  auto spawned = promise.get_future();
  state->parent = std::thread([&options, promise = std::move(promise), released = state->release.get_future()]() mutable {
    promise.set_value(process::Process::spawn(options));
    released.wait();
  });
  std::unique_ptr<Child> child(new Child(std::move(state)));
  TRY(child->state_->process, spawned.get());
  return child;
}

Child::Child(std::unique_ptr<State> state) : state_(std::move(state)) {}

Child::~Child() {
  state_->process.reset();
  state_->release.set_value();
  state_->parent.join();
}

ChildEnd Child::run(std::int64_t timeout_ms, AgentHost& host, const ChildHandlers& handlers) {
  if (state_->gone) return {};
  Loop loop(*state_, timeout_ms, host, handlers);
  return loop.run();
}

bool Child::is_running() const { return !state_->gone && state_->process && !state_->process->try_wait(); }

std::optional<AgentCommand> wait_for_turn(AgentHost& host) {
  while (host.stop() == AgentHost::Stop::no) {
    for (auto& command : host.take_commands()) {
      switch (command.kind) {
        case AgentCommand::Kind::finish: return std::nullopt;
        case AgentCommand::Kind::next_turn: return std::move(command);
        case AgentCommand::Kind::steer:
        case AgentCommand::Kind::resolve:
        case AgentCommand::Kind::interrupt: break;
      }
    }
    host.wakeup().wait(std::min(kMaxChildWaitMs, host.pump() / 1'000));
  }
  return std::nullopt;
}

}  // namespace dossier::worker
