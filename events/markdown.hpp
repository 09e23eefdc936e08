// What the server reads in a person's Markdown: mentions of agents and checklist rows, both outside code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dossier::events {

inline constexpr std::size_t kMaxMentions = 50;
inline constexpr std::size_t kMaxChecklistRows = 100;

// Names mentioned as @name: (?:^|[^\w])@([a-z][\w-]*), any case, outside code spans and fences, lower-cased, each once, in
// order of first appearance, at most kMaxMentions. "a@b.example" is none.
std::vector<std::string> mentions(std::string_view markdown);

struct ChecklistRow {
  std::string text;
  bool done = false;
};
// Rows "- [ ] text", also *, + and "1.", indented or not, CRLF or LF, outside fences; empty rows stay text.
std::vector<ChecklistRow> checklist(std::string_view markdown);

}  // namespace dossier::events
