// Differences of totals.
#include "worker/agents/codex_usage.hpp"

#include <algorithm>

#include "worker/agents/codex_frames.hpp"

namespace dossier::worker::codex {
namespace {

Tokens tokens_of(const json::Value& value) {
  const auto count = [&](std::string_view name) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.integer_or(name, 0))); };
  return {count("inputTokens"), count("outputTokens")};
}

}  // namespace

Tokens Usage::report(const json::Value& usage, bool of_this_turn) {
  const Tokens total = tokens_of(member(usage, "total"));
  const Tokens last = tokens_of(member(usage, "last"));
  Tokens spent = last;
  // A total that went down began anew (the thread was compacted): then the last call is what is known.
  if (known_ && total.in >= known_->in && total.out >= known_->out) spent = {total.in - known_->in, total.out - known_->out};
  known_ = total;
  if (!of_this_turn) return {};
  turn_.in += spent.in;
  turn_.out += spent.out;
  return spent;
}

}  // namespace dossier::worker::codex
