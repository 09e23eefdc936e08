// Events one way, limits the other.
#include "worker/guarded_host.hpp"

#include <algorithm>
#include <chrono>

namespace dossier::worker {
namespace {

std::int64_t now_us() { return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

AgentEvent system_line(std::string text) {
  AgentEvent event;
  event.kind = AgentEvent::Kind::system;
  event.text = std::move(text);
  return event;
}

}  // namespace

GuardedHost::GuardedHost(Parts parts)
    : parts_(std::move(parts)), masker_(parts_.secrets), account_(parts_.limits), output_(parts_.output_file), gate_(account_, output_) {}

void GuardedHost::begin(const AgentRequest& request) {
  began_us_ = now_us();
  limits::WatchOptions options = parts_.watch;
  options.family = request.family;
  options.folders = {request.worktree, request.home};
  watch_.reset();
  watch_.emplace(std::move(options), [this] { parts_.host.wakeup().notify(); });
}

AgentResult GuardedHost::end(AgentResult result) {
  watch_.reset();
  masker_.flush([this](AgentEvent event) { pass(std::move(event)); });
  if (result.kind == AgentResult::Kind::failed && result.code == "agent_timeout") {
    // The turn's own time is known to the agent's shell alone; what is told is that it was more than is allowed.
    const auto took_ms = static_cast<std::uint64_t>((now_us() - began_us_) / 1'000);
    observe(limits::Limit::wall_time, std::max(took_ms, account_.limits().wall_time_ms + 1));
  } else if (stopped_ && parts_.host.stop() == Stop::no) {
    result.kind = AgentResult::Kind::failed;
    result.code = "limit_reached";
    result.error = limits::describe(*stopped_);
    result.retryable = false;
  }
  return masker_.result(std::move(result));
}

void GuardedHost::on_event(AgentEvent event) {
  masker_.take(std::move(event), [this](AgentEvent masked) { pass(std::move(masked)); });
}

void GuardedHost::pass(AgentEvent event) {
  gate_.take(std::move(event), {[this](AgentEvent passed) { parts_.host.on_event(std::move(passed)); },
                                [this](const limits::Reached& reached) { on_reached(reached); }});
}

void GuardedHost::observe(limits::Limit limit, std::uint64_t value) {
  if (const auto reached = account_.observe(limit, value)) on_reached(*reached);
}

void GuardedHost::on_reached(const limits::Reached& reached) {
  parts_.host.on_event(system_line("limit reached: " + limits::describe(reached)));
  parts_.on_limit(reached);
  if (reached.action == limits::Action::stopped && reached.limit != limits::Limit::wall_time && !stopped_) stopped_ = reached;
}

std::int64_t GuardedHost::pump() {
  if (watch_) {
    observe(limits::Limit::processes, watch_->processes());
    observe(limits::Limit::disk, watch_->disk_bytes());
  }
  return std::min(parts_.host.pump(), kLookUs);
}

AgentHost::Stop GuardedHost::stop() const {
  const Stop asked = parts_.host.stop();
  return asked == Stop::no && stopped_ ? Stop::gently : asked;
}

}  // namespace dossier::worker
