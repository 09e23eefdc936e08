// Making text safe to print.
#include "replay/text.hpp"

#include "base/encoding.hpp"
#include "events/json.hpp"

namespace dossier::replay {
namespace {

// The length of the well-formed character at the front; 0: there is none.
std::size_t character(std::string_view text) {
  for (std::size_t n = 1; n <= 4 && n <= text.size(); ++n)
    if (is_utf8(text.substr(0, n))) return n;
  return 0;
}

// C1 controls (U+0080 to U+009F) start escape sequences in some terminals.
bool is_control(std::string_view one) {
  const auto first = static_cast<unsigned char>(one[0]);
  if (one.size() == 1) return (first < 0x20 && first != '\t') || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(one[1]) < 0xa0;
}

}  // namespace

void append_printable(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = character(text);
    if (n > 0 && !is_control(text.substr(0, n))) {
      out += text.substr(0, n);
    } else {
      for (char byte : text.substr(0, n == 0 ? 1 : n)) {
        out += "\\x";
        out += to_hex(std::string_view(&byte, 1));
      }
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
}

void append_block(std::string& out, std::string_view margin, std::string_view text, std::size_t max_lines) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  std::size_t lines = 0, hidden = 0;
  for (bool more = !text.empty(); more;) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (lines < max_lines) {
      out += margin;
      append_printable(out, line);
      if (line.empty()) out.erase(out.find_last_not_of(' ') + 1);  // no space at the end of a line
      out += '\n';
      ++lines;
    } else {
      ++hidden;
    }
    more = end != std::string_view::npos;
    if (more) text.remove_prefix(end + 1);
  }
  if (hidden == 0) return;
  out += margin;
  out += "(" + std::to_string(hidden) + (hidden == 1 ? " more line)\n" : " more lines)\n");
}

std::string_view words_of(const v1::Text& text) {
  return text.form_case() == v1::Text::kSealed ? std::string_view("(sealed)") : std::string_view(text.plain());
}

std::string short_id(std::string_view id) {
  const auto dash = id.find('_');
  std::string out;
  append_printable(out, dash == std::string_view::npos ? id : id.substr(0, dash + 9));
  return out;
}

std::string clock_text(std::int64_t time_us) { return events::time_text(time_us).substr(11, 12); }
std::string day_text(std::int64_t time_us) { return events::time_text(time_us).substr(0, 10); }

}  // namespace dossier::replay
