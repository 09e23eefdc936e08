// Mentions and checklist rows.
#include "events/markdown.hpp"

#include <gtest/gtest.h>

namespace dossier::events {
namespace {

using Names = std::vector<std::string>;

TEST(Mentions, are_found_in_any_case_and_named_once_in_lower_case) {
  EXPECT_EQ(mentions("@Codex please, and @claude-2 too; @CODEX!"), (Names{"codex", "claude-2"}));
  EXPECT_EQ(mentions("(@codex)"), Names{"codex"});
  EXPECT_EQ(mentions("first line\r\n@codex\r\n"), Names{"codex"});
}

TEST(Mentions, are_no_mail_addresses_and_need_a_letter) {
  EXPECT_EQ(mentions("mail jo@codex.example or a_@codex"), Names{});
  EXPECT_EQ(mentions("@1st @ @-x"), Names{});
}

TEST(Mentions, inside_code_are_code) {
  EXPECT_EQ(mentions("`@codex` and ``a ` @codex`` but @claude"), Names{"claude"});
  EXPECT_EQ(mentions("```\n@codex\n```\n@claude"), Names{"claude"});
  EXPECT_EQ(mentions("~~~ text\n@codex\n```\n@codex\n~~~\n@claude"), Names{"claude"});
  EXPECT_EQ(mentions("an open ` @codex"), Names{"codex"}) << "an unclosed backtick opens nothing";
}

TEST(Mentions, are_bounded) {
  std::string text;
  for (std::size_t i = 0; i < kMaxMentions + 5; ++i) text += "@a" + std::to_string(i) + " ";
  EXPECT_EQ(mentions(text).size(), kMaxMentions);
}

TEST(Checklist, rows_come_in_order_done_or_open_as_marked) {
  const auto rows = checklist("- [ ] one\n* [x] two\r\n+ [X] three  \n1. [ ] four\n  - [ ] five");
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].text, "one");
  EXPECT_FALSE(rows[0].done);
  EXPECT_EQ(rows[1].text, "two");
  EXPECT_TRUE(rows[1].done);
  EXPECT_EQ(rows[2].text, "three");
  EXPECT_TRUE(rows[2].done);
  EXPECT_EQ(rows[3].text, "four");
  EXPECT_EQ(rows[4].text, "five");
}

TEST(Checklist, leaves_empty_rows_fenced_rows_and_look_alikes_as_text) {
  EXPECT_TRUE(checklist("- [ ]\n- [ ]   \n-[ ] x\n- [y] x\n- [ ]x\n- plain").empty());
  EXPECT_TRUE(checklist("```\n- [ ] fenced\n```").empty());
}

}  // namespace
}  // namespace dossier::events
