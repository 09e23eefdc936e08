// Choosing names of branches.
#include "worker/workdir/branches.hpp"

#include <gtest/gtest.h>

namespace dossier::worker {
namespace {

std::string chosen(const std::string& wanted, const std::vector<std::string>& taken) {
  const auto name = choose_branch(wanted, taken, "0123");
  return name ? *name : std::string(to_string(name.error().code));
}

TEST(ChooseBranch, takes_the_name_itself_where_it_is_free) { EXPECT_EQ(chosen("fix/parser", {"main", "fix/lexer"}), "fix/parser"); }

TEST(ChooseBranch, a_taken_name_gets_the_session_and_then_a_number) {
  EXPECT_EQ(chosen("fix", {"fix"}), "fix-0123");
  EXPECT_EQ(chosen("fix", {"fix", "fix-0123"}), "fix-2");
}

TEST(ChooseBranch, names_that_differ_in_case_or_in_the_kind_of_stroke_count_as_taken) {
  EXPECT_EQ(chosen("Fix", {"fix"}), "Fix-0123");
  EXPECT_EQ(chosen("a/b", {"a-b"}), "a/b-0123");
  EXPECT_EQ(chosen("a-b", {"A/B"}), "a-b-0123");
}

TEST(ChooseBranch, a_folder_of_branches_can_not_be_a_branch_and_a_branch_no_folder) {
  EXPECT_EQ(chosen("a", {"a/b"}), "a-0123");
  EXPECT_EQ(chosen("a/b", {"a"}), "already_exists");
  EXPECT_EQ(chosen("a/b", {"A"}), "already_exists");
  const auto refused = choose_branch("a/b", {"a"}, "");
  EXPECT_NE(refused.error().message.find("\"a\" is in the way"), std::string::npos);
}

TEST(ChooseBranch, refuses_what_git_refuses_and_what_is_too_long) {
  for (const char* name : {"", "-x", "a..b", "a b", "x.lock", "HEAD", "a//b", "a\tb", "/a", "a/", ".a", "a.", "a~1", "a\\b"})
    EXPECT_EQ(chosen(name, {}), "invalid_field") << name;
  EXPECT_EQ(chosen(std::string(kMaxBranchBytes, 'x'), {}), std::string(kMaxBranchBytes, 'x'));
  EXPECT_EQ(chosen(std::string(kMaxBranchBytes + 1, 'x'), {}), "invalid_field");
}

TEST(ChooseBranch, gives_up_after_a_bounded_number_of_tries) {
  std::vector<std::string> taken{"x", "x-0123"};
  for (int n = 2; n < kMaxBranchTries; ++n) taken.push_back("x-" + std::to_string(n));
  EXPECT_EQ(chosen("x", taken), "already_exists");
  taken.pop_back();
  EXPECT_EQ(chosen("x", taken), "x-99");
}

TEST(BranchProposal, is_an_object_with_one_valid_name) {
  EXPECT_EQ(*parse_branch_proposal(R"({"branch": "fix/parser"})"), "fix/parser");
  for (const char* text : {"", "[]", "{}", R"({"branch": 3})", R"({"branch": "a..b"})", R"({"branch": "a", "more": 1})"}) {
    const auto refused = parse_branch_proposal(text);
    EXPECT_FALSE(refused) << text;
  }
  EXPECT_EQ(parse_branch_proposal(R"({"branch": "a..b"})").error().field, "branch");
}

}  // namespace
}  // namespace dossier::worker
