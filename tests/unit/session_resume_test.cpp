// How a session goes on: where its agent's memory lies, and the words that its next prompt begins with.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/resume.hpp"
#include "worker/session_homes.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

// ---- homes

class SessionHomesTest : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_{"homes"};
  SessionHomes homes_{folder_.path() + "/homes", std::nullopt};
};

TEST_F(SessionHomesTest, a_session_that_begins_has_a_folder_of_its_own_which_is_closed_to_others) {
  const auto home = homes_.open("ses_1", 1, "");
  ASSERT_TRUE(home);
  EXPECT_FALSE(home->remembers);
  EXPECT_EQ(fs::status(home->path).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(folder_.path() + "/homes").permissions(), fs::perms::owner_all);
}

TEST_F(SessionHomesTest, a_session_that_goes_on_finds_the_folder_where_its_agents_memory_is_also_after_a_restart) {
  const auto first = homes_.open("ses_1", 1, "");
  ASSERT_TRUE(homes_.remember(*first, "thread-1"));
  test::write_file(first->path + "/state", "memory");
  homes_.close(*first);
  SessionHomes restarted(folder_.path() + "/homes", std::nullopt);
  const auto later = restarted.open("ses_2", 1, "thread-1");
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->remembers);
  EXPECT_EQ(later->path, first->path);
  EXPECT_EQ(test::read_file(later->path + "/state"), "memory");
}

TEST_F(SessionHomesTest, a_memory_that_is_not_here_is_not_remembered) {
  const auto first = homes_.open("ses_1", 1, "");
  ASSERT_TRUE(homes_.remember(*first, "thread-1"));
  homes_.close(*first);
  const auto other = homes_.open("ses_2", 1, "thread-2");
  EXPECT_FALSE(other->remembers);
  EXPECT_NE(other->path, first->path);
}

TEST_F(SessionHomesTest, the_last_session_of_the_agent_is_the_one_that_is_remembered) {
  const auto home = homes_.open("ses_1", 1, "");
  ASSERT_TRUE(homes_.remember(*home, "thread-1"));
  ASSERT_TRUE(homes_.remember(*home, "thread-2"));
  homes_.close(*home);
  const auto again = homes_.open("ses_1", 2, "thread-2");
  EXPECT_TRUE(again->remembers);
  homes_.close(*again);
  EXPECT_FALSE(homes_.open("ses_3", 1, "thread-1")->remembers);
}

TEST_F(SessionHomesTest, two_never_use_one_folder_at_a_time) {
  const auto first = homes_.open("ses_1", 1, "");
  ASSERT_TRUE(homes_.remember(*first, "thread-1"));
  const auto second = homes_.open("ses_1", 2, "thread-1");
  ASSERT_TRUE(second);
  EXPECT_NE(second->path, first->path);
  EXPECT_FALSE(second->remembers);
}

TEST_F(SessionHomesTest, the_oldest_beyond_the_bound_are_removed_but_none_in_use) {
  const auto used = homes_.open("ses_used", 1, "");
  ASSERT_TRUE(homes_.remember(*used, "thread-used"));
  for (std::size_t i = 0; i <= SessionHomes::kMaxHomes + 1; ++i) {
    const auto home = homes_.open("ses_" + std::to_string(i), 1, "");
    ASSERT_TRUE(home);
    // Made one after the other, whatever the file system's clock says.
    fs::last_write_time(home->path, fs::file_time_type::clock::now() - std::chrono::hours(1'000 - static_cast<int>(i)));
    homes_.close(*home);
  }
  EXPECT_TRUE(fs::exists(used->path));
  EXPECT_FALSE(fs::exists(folder_.path() + "/homes/ses_0"));
  EXPECT_TRUE(fs::exists(folder_.path() + "/homes/ses_" + std::to_string(SessionHomes::kMaxHomes)));
}

TEST_F(SessionHomesTest, a_name_that_leads_elsewhere_is_refused) {
  for (const char* name : {"", "../x", "a/b", "."}) EXPECT_EQ(homes_.open(name, 1, "").error().code, Code::invalid_field) << name;
}

// ---- prompts

FirstPrompt task() {
  FirstPrompt facts;
  facts.task_prompt = "Fix the parser.";
  return facts;
}

v1::PendingApproval approval(const std::string& kind, const std::string& decision) {
  v1::PendingApproval approval;
  approval.mutable_request()->set_kind(kind);
  approval.mutable_request()->mutable_command()->set_plain("git push\norigin");
  approval.mutable_request()->mutable_patch()->set_plain("+one\n+two");
  approval.mutable_request()->set_cwd("/work");
  approval.mutable_resolved()->set_decision(decision);
  return approval;
}

bool prompt_has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(ResumePrompt, a_session_that_begins_is_told_the_task_and_nothing_else) { EXPECT_EQ(first_prompt(task()), "Fix the parser."); }

TEST(ResumePrompt, a_session_that_goes_on_with_its_memory_is_told_only_what_is_new) {
  FirstPrompt facts = task();
  facts.continues = facts.remembers = true;
  EXPECT_EQ(first_prompt(facts), "Fix the parser.");
}

TEST(ResumePrompt, a_session_that_goes_on_without_its_memory_is_told_so) {
  FirstPrompt facts = task();
  facts.continues = true;
  EXPECT_TRUE(prompt_has(first_prompt(facts), "no memory"));
  EXPECT_TRUE(prompt_has(first_prompt(facts), "Fix the parser."));
}

TEST(ResumePrompt, a_turn_that_broke_off_says_again_what_was_asked) {
  FirstPrompt facts = task();
  facts.broke_off = facts.remembers = true;
  facts.inputs.emplace_back().mutable_body()->set_plain("And the lexer.");
  facts.inputs.emplace_back().mutable_body()->set_plain("Please.");
  const std::string prompt = first_prompt(facts);
  EXPECT_TRUE(prompt_has(prompt, "interrupted"));
  EXPECT_TRUE(prompt_has(prompt, "And the lexer.\n\nPlease."));
  EXPECT_FALSE(prompt_has(prompt, "Fix the parser.")) << "it remembers the task";
  facts.remembers = false;
  EXPECT_TRUE(prompt_has(first_prompt(facts), "Fix the parser."));
  EXPECT_TRUE(prompt_has(first_prompt(facts), "And the lexer."));
}

TEST(ResumePrompt, an_approved_command_is_quoted_word_for_word) {
  FirstPrompt facts = task();
  facts.quotes = {approval("command", "accept")};
  const std::string prompt = first_prompt(facts);
  EXPECT_TRUE(prompt_has(prompt, "approved: run\n\n    git push\n    origin\n")) << prompt;
  EXPECT_TRUE(prompt_has(prompt, "in the folder /work"));
  EXPECT_TRUE(prompt_has(prompt, "Fix the parser."));
}

TEST(ResumePrompt, an_approved_change_is_quoted_with_its_patch) {
  FirstPrompt facts = task();
  facts.quotes = {approval("file_change", "accept_for_session")};
  EXPECT_TRUE(prompt_has(first_prompt(facts), "approved: make this change\n\n    +one\n    +two\n"));
}

TEST(ResumePrompt, a_declined_action_is_quoted_with_the_reason) {
  FirstPrompt facts = task();
  facts.quotes = {approval("command", "decline")};
  facts.quotes[0].mutable_resolved()->mutable_reason()->set_plain("not on a Friday");
  const std::string prompt = first_prompt(facts);
  EXPECT_TRUE(prompt_has(prompt, "declined: you wanted to run\n\n    git push")) << prompt;
  EXPECT_TRUE(prompt_has(prompt, "Do not do it"));
  EXPECT_TRUE(prompt_has(prompt, "not on a Friday"));
  EXPECT_FALSE(prompt_has(prompt, "approved"));
}

TEST(ResumePrompt, an_answered_question_is_quoted_with_its_answer) {
  FirstPrompt facts = task();
  facts.quotes = {approval("user_input", "accept")};
  facts.quotes[0].mutable_resolved()->mutable_answer()->set_plain(R"({"colour":["blue"]})");
  EXPECT_TRUE(prompt_has(first_prompt(facts), R"({"colour":["blue"]})"));
}

TEST(ResumePrompt, quotes_have_a_bound_and_what_has_no_room_is_named) {
  FirstPrompt facts = task();
  for (int i = 0; i < 8; ++i) {
    facts.quotes.push_back(approval("command", "accept"));
    facts.quotes.back().mutable_request()->mutable_command()->set_plain(std::string(60'000, 'x'));
  }
  const std::string prompt = first_prompt(facts);
  EXPECT_LT(prompt.size(), kMaxQuotes + 10'000);
  EXPECT_TRUE(prompt_has(prompt, "ask for it again"));
}

}  // namespace
}  // namespace dossier::worker
