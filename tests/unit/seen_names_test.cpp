// A bounded set that never forgets, and seldom errs.
#include "projections/seen_names.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dossier::projections::seen {
namespace {

constexpr std::size_t kMost = 2u << 20;

std::string name(int n) { return "comment/cmt_" + std::to_string(n); }

TEST(SeenNames, what_was_added_is_never_denied_and_what_was_not_nearly_always) {
  SeenNames seen(kMost);
  EXPECT_FALSE(seen.perhaps("ws", name(0)));
  constexpr int kNames = 300'000;
  for (int n = 0; n < kNames; ++n) seen.add("ws", name(n));
  for (int n = 0; n < kNames; ++n) ASSERT_TRUE(seen.perhaps("ws", name(n))) << n;
  int wrong = 0;
  for (int n = kNames; n < 2 * kNames; ++n) wrong += seen.perhaps("ws", name(n)) ? 1 : 0;
  EXPECT_LT(wrong, kNames / 30);
  EXPECT_FALSE(seen.perhaps("other", name(1)) && seen.perhaps("other", name(2)) && seen.perhaps("other", name(3)));
}

TEST(SeenNames, grows_with_what_it_holds_up_to_its_bound) {
  SeenNames seen(kMost);
  EXPECT_EQ(seen.bytes(), 0u);
  seen.add("ws", name(0));
  EXPECT_EQ(seen.bytes(), 64u << 10);
  for (int n = 0; n < 3'000'000; ++n) seen.add("ws", name(n));
  EXPECT_LE(seen.bytes(), kMost);
  EXPECT_GT(seen.bytes(), kMost / 2);
  EXPECT_TRUE(seen.perhaps("ws", name(0)) && seen.perhaps("ws", name(2'999'999)));
  int wrong = 0;
  for (int n = 3'000'000; n < 3'100'000; ++n) wrong += seen.perhaps("ws", name(n)) ? 1 : 0;
  EXPECT_LT(wrong, 60'000) << "still of use when it holds more than it was made for";
  seen.clear();
  EXPECT_FALSE(seen.perhaps("ws", name(0)));
}

}  // namespace
}  // namespace dossier::projections::seen
