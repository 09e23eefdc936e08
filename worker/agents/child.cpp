// One thread, one poll; see child.hpp.
#include "worker/agents/child.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>

namespace dossier::worker {
namespace {

// Monotonic: wall time limits of a process, not leases.
std::int64_t now_ms() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr std::int64_t kMaxWaitMs = 1'000;

class Child {
 public:
  Child(process::Process process, std::int64_t timeout_ms, std::size_t max_line, AgentHost& host, const ChildHandlers& handlers)
      : process_(std::move(process)), host_(host), handlers_(handlers), output_(max_line), error_(max_line), deadline_ms_(now_ms() + timeout_ms) {}

  ChildEnd run() {
    while (true) {
      if (const auto why = must_end()) return finish(*why);
      feed();
      const std::int64_t wait_ms = std::min({kMaxWaitMs, host_.pump() / 1'000, next_deadline_ms() - now_ms()});
      const bool take = !host_.congested();
      const process::Ready ready = process_.poll(wait_ms, &host_.wakeup(), take, !input_.empty());
      if (take && ready.output) read(true);
      if (take && ready.error) read(false);
      if (handlers_.is_done() && !done_) {
        done_ = true;
        done_until_ms_ = now_ms() + kExitMs;
      }
      if (ready.exited) return finish(ChildEnd::Why::exited);
    }
  }

 private:
  std::optional<ChildEnd::Why> must_end() {
    const AgentHost::Stop stop = host_.stop();
    if (stop == AgentHost::Stop::now) return ChildEnd::Why::stopped;
    if (done_ && now_ms() >= done_until_ms_) return ChildEnd::Why::exited;
    if (stop_until_ms_ != 0) {
      if (now_ms() >= stop_until_ms_) return why_stopped_;
      return std::nullopt;
    }
    if (stop == AgentHost::Stop::gently)
      ask_to_end(ChildEnd::Why::stopped);
    else if (now_ms() >= deadline_ms_ && !done_)
      ask_to_end(ChildEnd::Why::timed_out);
    return std::nullopt;
  }

  void ask_to_end(ChildEnd::Why why) {
    why_stopped_ = why;
    stop_until_ms_ = now_ms() + kGraceMs;
    process_.signal_group(SIGTERM);
  }

  std::int64_t next_deadline_ms() const {
    if (stop_until_ms_ != 0) return stop_until_ms_;
    return done_ ? done_until_ms_ : deadline_ms_;
  }

  void feed() {
    if (!process_.input_open()) return;
    if (!input_closing_) input_closing_ = handlers_.more_input(input_) || done_;
    while (!input_.empty()) {
      const auto written = process_.write_input(input_);
      if (!written) {
        input_.clear();  // it does not want to read: its exit status says the rest
        return;
      }
      if (*written == 0) return;
      input_.erase(0, *written);
    }
    if (input_closing_) process_.close_input();
  }

  bool read(bool output) {
    std::string bytes;
    const bool open = output ? process_.read_output(bytes, kReadBytes) : process_.read_error(bytes, kReadBytes);
    (output ? output_ : error_).feed(bytes, output ? handlers_.on_output : handlers_.on_error);
    return open && !bytes.empty();
  }

  ChildEnd finish(ChildEnd::Why why) {
    // The family first: after that nobody holds the pipes, and what is in them is all there will be.
    const bool gone = process_.kill_family();
    ChildEnd end;
    end.why = stop_until_ms_ != 0 && why == ChildEnd::Why::exited ? why_stopped_ : why;
    end.was_done = done_;
    if (const auto exit = process_.try_wait(); exit && gone) end.exit = *exit;
    if (end.why != ChildEnd::Why::stopped || host_.stop() != AgentHost::Stop::now) {
      for (const bool output : {true, false})
        while (read(output)) wait_for_room();
      output_.finish(handlers_.on_output);
      error_.finish(handlers_.on_error);
    }
    return end;
  }

  void wait_for_room() {
    const std::int64_t until = now_ms() + kGraceMs;
    while (host_.congested() && host_.stop() == AgentHost::Stop::no && now_ms() < until)
      host_.wakeup().wait(std::max<std::int64_t>(1, std::min<std::int64_t>(host_.pump() / 1'000, 100)));
  }

  process::Process process_;
  AgentHost& host_;
  const ChildHandlers& handlers_;
  LineSplitter output_;
  LineSplitter error_;
  std::string input_;
  bool input_closing_ = false;
  const std::int64_t deadline_ms_;
  bool done_ = false;
  std::int64_t done_until_ms_ = 0;
  std::int64_t stop_until_ms_ = 0;
  ChildEnd::Why why_stopped_ = ChildEnd::Why::stopped;
};

}  // namespace

Result<ChildEnd> run_child(const process::SpawnOptions& options, std::int64_t timeout_ms, std::size_t max_line, AgentHost& host,
                           const ChildHandlers& handlers) {
  TRY(process::Process process, process::Process::spawn(options));
  Child child(std::move(process), timeout_ms, max_line, host, handlers);
  return child.run();
}

}  // namespace dossier::worker
