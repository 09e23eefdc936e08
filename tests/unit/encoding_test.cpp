// Text forms of bytes.
#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace dossier {
namespace {

TEST(Encoding, hex_goes_there_and_back) {
  EXPECT_EQ(to_hex(std::string("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(from_hex("00FF10"), std::string("\x00\xff\x10", 3));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Encoding, base64url_goes_there_and_back_at_every_length) {
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
  for (std::size_t n = 0; n < 9; ++n) EXPECT_EQ(from_base64url(to_base64url(std::string(n, '\xa7'))), std::string(n, '\xa7'));
  EXPECT_FALSE(from_base64url("a"));
  EXPECT_FALSE(from_base64url("a+b="));
}

TEST(Encoding, utf8_is_refused_where_it_is_overlong_cut_or_a_surrogate) {
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xe2\x82"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));
}

TEST(Encoding, utf8_is_judged_alike_wherever_in_ascii_text_it_stands) {
  for (std::size_t before = 0; before < 20; ++before)
    for (std::size_t after = 0; after < 20; ++after) {
      const std::string head(before, 'a'), tail(after, 'z');
      const auto between = [&](const char* middle) { return std::string(head).append(middle).append(tail); };
      EXPECT_TRUE(is_utf8(between("\xe2\x82\xac"))) << before << " " << after;
      EXPECT_FALSE(is_utf8(between("\xff"))) << before << " " << after;
      EXPECT_EQ(is_utf8(between("\xe2\x82")), false) << before << " " << after;
    }
}

}  // namespace
}  // namespace dossier
