// The items of a thread: what Codex says and does, as events. Each tool's beginning gets exactly one end, also where Codex
// sends none, or sends it twice, or too late. Pure.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "worker/agents/agent.hpp"
#include "worker/agents/codex_methods.hpp"
#include "worker/agents/codex_texts.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::codex {

inline constexpr std::size_t kMaxOpenItems = 256;     // what begins beyond is not followed
inline constexpr std::size_t kMaxEndedItems = 1'024;  // ids that are known to have ended

class Items {
 public:
  // Events are appended to `events`, which outlives this.
  Items(std::string worktree, std::vector<AgentEvent>& events) : worktree_(std::move(worktree)), events_(events) {}

  void started(const json::Value& item);
  void completed(const json::Value& item);
  void output(const std::string& item, std::string_view delta);
  // The turn is over: what is open is closed. Commands among it may still run; their end may come later, or never.
  void close_all();

  // What an open item is about; nullptr, "" where there is none.
  const Patch* patch(const std::string& item) const;
  std::string command(const std::string& item) const;
  // A command whose end was not seen.
  bool any_running() const;
  const std::string& last_message() const { return last_message_; }

 private:
  struct Open {
    ItemKind kind = ItemKind::other;
    std::string text;  // command: its words
    Patch patch;       // file_change
    LineSplitter lines{kMaxAgentLine};
    bool spoke = false;   // command: its output came as it was written
    bool closed = false;  // its end has been told
  };
  void emit(AgentEvent::Kind kind, std::string item, std::string name, std::string text, bool failed = false);
  void say(const char* stream, std::string_view text);
  void end_lines(Open& open);
  void command_ended(const json::Value& item, bool told);
  void file_changed(const json::Value& item);
  bool ended_before(const std::string& id);

  const std::string worktree_;
  std::vector<AgentEvent>& events_;
  std::map<std::string, Open> open_;
  std::deque<std::string> ended_order_;
  std::set<std::string> ended_;
  std::string last_message_;
};

}  // namespace dossier::worker::codex
