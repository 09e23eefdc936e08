// Output of programs made fit for the log.
#include "worker/text/text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/encoding.hpp"

namespace dossier::worker {
namespace {

const std::string kMark = "\xef\xbf\xbd";

std::vector<std::string> split(std::size_t max_line, std::initializer_list<std::string_view> chunks) {
  std::vector<std::string> lines;
  LineSplitter splitter(max_line);
  const auto take = [&](std::string_view line) { lines.emplace_back(line); };
  for (const auto chunk : chunks) splitter.feed(chunk, take);
  splitter.finish(take);
  return lines;
}
using Lines = std::vector<std::string>;

TEST(CleanText, replaces_what_is_no_utf8_and_nul_and_keeps_the_rest) {
  EXPECT_EQ(clean_text("h\xc3\xa9llo \xf0\x9f\x98\x80"), "h\xc3\xa9llo \xf0\x9f\x98\x80");
  EXPECT_EQ(clean_text("a\xff"
                       "b"),
            "a" + kMark + "b");
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3)), "a" + kMark + "b");
  EXPECT_EQ(clean_text("cut \xe2\x82"), "cut " + kMark + kMark);
  EXPECT_EQ(clean_text("\xed\xa0\x80"), kMark + kMark + kMark);  // a surrogate
}

TEST(CleanText, is_cut_at_a_characters_border) {
  EXPECT_EQ(clean_text("abcdef", 6), "abcdef");
  EXPECT_EQ(clean_text("abcdefg", 6), "abc\xe2\x80\xa6");
  const std::string cut = clean_text("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 8);
  EXPECT_TRUE(is_utf8(cut));
  EXPECT_LE(cut.size(), 8u);
}

TEST(LineSplitter, lines_are_the_same_however_the_bytes_arrive) {
  EXPECT_EQ(split(100, {"one\ntwo\r\n\nthree"}), (Lines{"one", "two", "", "three"}));
  EXPECT_EQ(split(100, {"o", "ne", "\n", "two\r", "\n\n", "three"}), (Lines{"one", "two", "", "three"}));
}

TEST(LineSplitter, a_line_of_exactly_the_limit_is_one_line_and_a_longer_one_comes_in_pieces) {
  EXPECT_EQ(split(4, {"abcd\n"}), Lines{"abcd"});
  EXPECT_EQ(split(4, {"abcdefghi\nx\n"}), (Lines{"abcd", "efgh", "i", "x"}));
  EXPECT_EQ(split(4, {"abcdefgh\nx\n"}), (Lines{"abcd", "efgh", "x"}));
}

TEST(LineSplitter, ten_megabytes_without_an_end_of_line_come_in_bounded_pieces_and_none_is_lost) {
  std::string huge;
  huge.resize(10'000'000, 'x');
  std::size_t total = 0, longest = 0;
  LineSplitter splitter(65'536);
  const auto take = [&](std::string_view line) { total += line.size(), longest = std::max(longest, line.size()); };
  splitter.feed(huge, take);
  splitter.finish(take);
  EXPECT_EQ(total, huge.size());
  EXPECT_EQ(longest, 65'536u);
}

TEST(LineSplitter, pieces_end_between_characters) {
  for (const auto& piece : split(5, {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\n"})) EXPECT_TRUE(is_utf8(piece)) << piece;
}

}  // namespace
}  // namespace dossier::worker
