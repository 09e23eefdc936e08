// What programs write, made fit for the log: well-formed UTF-8 without NUL, in pieces of bounded size. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace dossier::worker {

// Each byte that is no part of a well-formed UTF-8 sequence, and each NUL, becomes U+FFFD.
std::string clean_text(std::string_view bytes);
// The same, cut at a character's border to at most max_bytes; what was cut ends in "…".
std::string clean_text(std::string_view bytes, std::size_t max_bytes);
// The longest prefix of at most `most` bytes that does not end inside a UTF-8 sequence (at least one byte of a non-empty
// text, whatever it is).
std::size_t utf8_prefix(std::string_view text, std::size_t most);

// Bytes to lines. A line ends at "\n" ("\r\n" too); one that is longer than max_line comes in pieces, the rest of it as
// lines of their own. Holds at most max_line bytes.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line) : max_line_(max_line) {}
  using Take = std::function<void(std::string_view line)>;
  void feed(std::string_view bytes, const Take& take);
  // The last line, if it had no end.
  void finish(const Take& take);

 private:
  void end_line(const Take& take);

  std::size_t max_line_;
  std::string held_;
  bool continued_ = false;  // held_ goes on where a piece was given away: an empty rest is no line
};

}  // namespace dossier::worker
