// Cleaning and splitting of text.
#include "worker/text/text.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/encoding.hpp"

namespace dossier::worker {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kEllipsis = "\xe2\x80\xa6";

// Length of the well-formed sequence at the start of `text`, 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  return length == 1 || is_utf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

std::string clean_text(std::string_view bytes) {
  // Nearly all output is clean already: one check, one copy.
  if (bytes.find('\0') == std::string_view::npos && is_utf8(bytes)) return std::string(bytes);
  std::string text;
  text.reserve(bytes.size() + 16);
  while (!bytes.empty()) {
    const std::size_t length = bytes.front() == '\0' ? 0 : sequence_length(bytes);
    text += length == 0 ? kReplacement : bytes.substr(0, length);
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

std::string clean_text(std::string_view bytes, std::size_t max_bytes) {
  CHECK(max_bytes >= kEllipsis.size());
  // Cleaning may only lengthen a text, so more than max_bytes of input never fits: don't clean what is thrown away.
  std::string text = clean_text(bytes.substr(0, std::min(bytes.size(), max_bytes + 4)));
  if (text.size() <= max_bytes) return text;
  text.resize(utf8_prefix(text, max_bytes - kEllipsis.size()));
  text += kEllipsis;
  return text;
}

std::size_t utf8_prefix(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  std::size_t end = most;
  // A sequence has at most three bytes after its lead; longer runs are not UTF-8 and are cut anywhere.
  for (int back = 0; back < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++back) --end;
  if (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) end = most;
  return std::max<std::size_t>(end, 1);
}

void LineSplitter::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    std::string_view part = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    // Pieces are given away only once more is there, so that a line of exactly max_line stays one line.
    while (held_.size() + part.size() > max_line_) {
      const std::size_t room = max_line_ - held_.size();
      held_ += part.substr(0, room);
      part.remove_prefix(room);
      const std::size_t cut = utf8_prefix(held_ + std::string(part.substr(0, 1)), max_line_);
      take(std::string_view(held_).substr(0, cut));
      held_.erase(0, cut);
      continued_ = true;
    }
    held_ += part;
    if (end != std::string_view::npos) end_line(take);
  }
}

void LineSplitter::finish(const Take& take) {
  if (!held_.empty()) end_line(take);
}

void LineSplitter::end_line(const Take& take) {
  if (!held_.empty() && held_.back() == '\r') held_.pop_back();
  if (!held_.empty() || !continued_) take(held_);
  held_.clear();
  continued_ = false;
}

}  // namespace dossier::worker
