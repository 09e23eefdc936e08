// A line at a time, with the state of fences carried over.
#include "events/markdown.hpp"

#include <algorithm>

namespace dossier::events {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); }

// Fences: three or more ` or ~ after at most three spaces; closed by at least as many of the same.
class Fence {
 public:
  // True for a line inside a fence, the fence lines themselves included.
  bool covers(std::string_view line) {
    std::size_t start = 0;
    while (start < line.size() && start < 3 && line[start] == ' ') ++start;
    const char mark = start < line.size() ? line[start] : '\0';
    std::size_t run = 0;
    if (mark == '`' || mark == '~')
      while (start + run < line.size() && line[start + run] == mark) ++run;
    if (length_ == 0) {
      if (run < 3 || (mark == '`' && line.find('`', start + run) != std::string_view::npos)) return false;
      mark_ = mark;
      length_ = run;
      return true;
    }
    const bool only_blanks_follow = line.find_first_not_of(" \t", start + run) == std::string_view::npos;
    if (mark == mark_ && run >= length_ && only_blanks_follow) length_ = 0;
    return true;
  }

 private:
  char mark_ = '\0';
  std::size_t length_ = 0;
};

template <class Visit>
void each_line_outside_fences(std::string_view text, Visit visit) {
  Fence fence;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!fence.covers(line)) visit(line);
    start = end + 1;
  }
}

// Blanks out `code spans` of a line: a run of backticks up to the next run of the same length.
std::string without_code_spans(std::string_view line) {
  std::string text(line);
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '`') {
      ++i;
      continue;
    }
    std::size_t run = 1;
    while (i + run < text.size() && text[i + run] == '`') ++run;
    std::size_t close = i + run;
    while (close < text.size()) {
      if (text[close] != '`') {
        ++close;
        continue;
      }
      std::size_t closing = 1;
      while (close + closing < text.size() && text[close + closing] == '`') ++closing;
      if (closing == run) break;
      close += closing;
    }
    if (close < text.size()) {
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(close + run), ' ');
      i = close + run;
    } else {
      i += run;
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> mentions(std::string_view markdown) {
  std::vector<std::string> names;
  each_line_outside_fences(markdown, [&](std::string_view raw) {
    if (raw.find('@') == std::string_view::npos) return;
    const std::string line = without_code_spans(raw);
    for (std::size_t at = line.find('@'); at != std::string::npos; at = line.find('@', at + 1)) {
      if ((at > 0 && is_word(line[at - 1])) || at + 1 >= line.size() || !is_letter(line[at + 1])) continue;
      std::size_t end = at + 1;
      std::string name;
      while (end < line.size() && (is_word(line[end]) || line[end] == '-')) name += lower(line[end++]);
      if (std::find(names.begin(), names.end(), name) == names.end() && names.size() < kMaxMentions) names.push_back(std::move(name));
    }
  });
  return names;
}

std::vector<ChecklistRow> checklist(std::string_view markdown) {
  std::vector<ChecklistRow> rows;
  each_line_outside_fences(markdown, [&](std::string_view line) {
    std::size_t i = line.find_first_not_of(" \t");
    if (i == std::string_view::npos) return;
    if (line[i] == '-' || line[i] == '*' || line[i] == '+') {
      ++i;
    } else {
      const std::size_t digits = i;
      while (i < line.size() && line[i] >= '0' && line[i] <= '9') ++i;
      if (i == digits || i - digits > 9 || i >= line.size() || (line[i] != '.' && line[i] != ')')) return;
      ++i;
    }
    const std::size_t box = line.find_first_not_of(" \t", i);
    if (box == i || box == std::string_view::npos || line.size() - box < 4 || line[box] != '[' || line[box + 2] != ']') return;
    const char mark = line[box + 1];
    if (mark != ' ' && mark != 'x' && mark != 'X') return;
    if (line[box + 3] != ' ' && line[box + 3] != '\t') return;
    const std::size_t first = line.find_first_not_of(" \t", box + 3);
    if (first == std::string_view::npos) return;
    const std::size_t last = line.find_last_not_of(" \t");
    rows.push_back({std::string(line.substr(first, last - first + 1)), mark != ' '});
  });
  return rows;
}

}  // namespace dossier::events
