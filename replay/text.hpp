// Text of others in a terminal: what an agent printed must not move the cursor or colour the reader's screen.
#pragma once

#include <string>
#include <string_view>

#include "dossier/v1/commit.pb.h"

namespace dossier::replay {

// One line: control characters (line ends too) and broken UTF-8 become \x1b and the like; tabs stay.
void append_printable(std::string& out, std::string_view text);
// Every line of the text behind `margin`, at most max_lines of them, then how many more there were. Ends with a line end.
void append_block(std::string& out, std::string_view margin, std::string_view text, std::size_t max_lines);
// The words, or "(sealed)".
std::string_view words_of(const v1::Text& text);
// "iss_0f3b12cd": enough of an id to tell things in one story apart. ndjson has them whole.
std::string short_id(std::string_view id);
// "03:04:05.123" and "2026-11-21", UTC.
std::string clock_text(std::int64_t time_us);
std::string day_text(std::int64_t time_us);

}  // namespace dossier::replay
