// Tokens of a turn, from thread/tokenUsage/updated. It tells the thread's total and the last call's share, tells the same
// again when a turn begins, and tells a resumed or forked thread's old total as if it were new: each token counts once,
// and only in the turn that spent it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/json/json.hpp"

namespace dossier::worker::codex {

struct Tokens {
  std::uint64_t in = 0;  // cached ones too
  std::uint64_t out = 0;
};

class Usage {
 public:
  // A fresh thread has spent nothing; of another one the first report tells where it stands.
  void open_fresh_thread() { known_ = Tokens(); }
  void begin_turn() { turn_ = {}; }
  // What was spent since the report before: zero for a repeated one, and for one of another turn.
  Tokens report(const json::Value& usage, bool of_this_turn);
  const Tokens& turn() const { return turn_; }

 private:
  std::optional<Tokens> known_;  // the thread's total
  Tokens turn_;
};

}  // namespace dossier::worker::codex
