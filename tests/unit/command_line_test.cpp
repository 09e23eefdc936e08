// The command line: what wins, what is refused and with which words, and that help and completion say what the parser knows.
#include "app/cli/command_line.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/cli/command_table.hpp"
#include "app/cli/completion.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/profile.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::cli {
namespace {

using Variables = std::map<std::string, std::string>;

int nothing(const Invocation&) { return 0; }

const std::vector<Command>& small_table() {
  static const std::vector<Command> table{
      {"issue list",
       "Lists.",
       {},
       {{"--limit", "N", "at most so many", "DOSSIER_LIMIT", "", "50"},
        {"--url", "URL", "the server", "DOSSIER_URL", "url", "http://fallback"},
        {"--profile", "FILE", "profile"},
        {"--status", "S", "only those", "", "", "", {"open", "closed"}},
        {"--json", "", "JSON"},
        {"DOSSIER_PASSWORD", "TEXT", "the password", "DOSSIER_PASSWORD"}},
       {},
       &nothing},
      {"issue show", "Shows.", {{"ISSUE", "an id"}, {"TEXT", "more", false}}, {{"--json", "", "JSON"}}, {}, &nothing},
      {"worker", "Runs.", {}, {{"--name", "NAME", "for people"}}, {}, &nothing},
      {"worker list", "Lists workers.", {}, {}, {}, &nothing},
  };
  return table;
}

Result<std::variant<Parsed, HelpAsked>> parse_with(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  return parse(small_table(), arguments, [variables](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

Invocation invocation(const std::vector<std::string>& arguments, const Variables& variables = {}) {
  auto parsed = parse_with(arguments, variables);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? std::get<Parsed>(*parsed).invocation : Invocation{};
}

std::string refusal(const std::vector<std::string>& arguments) {
  auto parsed = parse_with(arguments);
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().code, Code::usage);
  return parsed.error().message;
}

TEST(CommandLine, a_flag_wins_over_the_environment_over_the_profile_over_the_fallback) {
  test::TemporaryFolder folder("profile");
  const std::string file = folder.path() + "/profile.json";
  std::ofstream(file) << R"({"url":"http://profile"})";
  EXPECT_EQ(invocation({"issue", "list"}).text("--url"), "http://fallback");
  EXPECT_EQ(invocation({"issue", "list"}, {{"DOSSIER_PROFILE", file}}).text("--url"), "http://profile");
  EXPECT_EQ(invocation({"issue", "list", "--profile", file}).text("--url"), "http://profile");
  EXPECT_EQ(invocation({"issue", "list"}, {{"DOSSIER_PROFILE", file}, {"DOSSIER_URL", "http://environment"}}).text("--url"), "http://environment");
  EXPECT_EQ(invocation({"issue", "list", "--url=http://flag"}, {{"DOSSIER_PROFILE", file}, {"DOSSIER_URL", "http://environment"}}).text("--url"),
            "http://flag");
}

TEST(CommandLine, takes_arguments_flags_and_what_looks_like_a_flag_behind_two_dashes) {
  auto in = invocation({"issue", "show", "--json", "7", "text"});
  EXPECT_EQ(in.path, "issue show");
  EXPECT_EQ(in.text("ISSUE"), "7");
  EXPECT_EQ(in.text("TEXT"), "text");
  EXPECT_TRUE(in.json());
  in = invocation({"issue", "show", "7", "--", "--json"});
  EXPECT_EQ(in.text("TEXT"), "--json");
  EXPECT_FALSE(in.json());
}

TEST(CommandLine, a_group_may_be_a_command_too) {
  EXPECT_EQ(invocation({"worker", "--name", "one"}).path, "worker");
  EXPECT_EQ(invocation({"worker", "list"}).path, "worker list");
}

TEST(CommandLine, names_what_it_does_not_know_and_the_nearest_that_it_knows) {
  EXPECT_EQ(refusal({"isue", "list"}), "unknown command 'isue': did you mean 'issue'? See: dossier --help");
  EXPECT_EQ(refusal({"issue", "lits"}), "unknown command 'issue lits': did you mean 'list'? See: dossier issue --help");
  EXPECT_EQ(refusal({"issue", "list", "--limti", "3"}), "unknown flag --limti: did you mean --limit? See: dossier issue list --help");
  EXPECT_EQ(refusal({"issue", "list", "--limti=3"}), "unknown flag --limti: did you mean --limit? See: dossier issue list --help");
  EXPECT_EQ(refusal({"issue", "list", "--wholly-different"}), "unknown flag --wholly-different; see: dossier issue list --help");
  EXPECT_EQ(refusal({"worker", "lsit"}), "unknown command 'worker lsit': did you mean 'list'? See: dossier worker --help");
}

TEST(CommandLine, refuses_what_is_missing_too_much_or_no_choice) {
  EXPECT_EQ(refusal({"issue", "show"}), "ISSUE is missing: an id; see: dossier issue show --help");
  EXPECT_EQ(refusal({"issue", "show", "1", "2", "3"}), "unexpected argument '3'; see: dossier issue show --help");
  EXPECT_EQ(refusal({"issue", "list", "--status", "oepn"}), "--status is 'oepn', and must be one of open, closed; see: dossier issue list --help");
  EXPECT_EQ(refusal({"issue"}), "which command of 'issue'; see: dossier issue --help");
  EXPECT_NE(refusal({"issue", "list", "--limit"}), "accepted");
  EXPECT_NE(refusal({"issue", "list", "--limit", "1", "--limit", "2"}), "accepted");
  EXPECT_NE(refusal({"issue", "list", "--json=perhaps"}), "accepted");
}

TEST(CommandLine, takes_a_secret_from_the_environment_only) {
  EXPECT_EQ(invocation({"issue", "list"}, {{"DOSSIER_PASSWORD", "secret"}}).text("DOSSIER_PASSWORD"), "secret");
  EXPECT_NE(refusal({"issue", "list", "DOSSIER_PASSWORD", "x"}), "accepted");
}

TEST(CommandLine, reads_whole_numbers_within_their_bounds) {
  EXPECT_EQ(*invocation({"issue", "list", "--limit", "7"}).number("--limit", 1, 7), 7);
  for (const char* text : {"0", "8", "7x", "", "-1", "99999999999999999999"}) {
    auto number = invocation({"issue", "list", "--limit", text}).number("--limit", 1, 7);
    EXPECT_FALSE(number) << text;
  }
}

TEST(CommandLine, says_every_way_to_give_what_is_required) {
  Invocation in = invocation({"issue", "list"});
  in.values.erase("--url");
  EXPECT_EQ(in.required("--url").error().message, "--url is missing: give it, or set DOSSIER_URL, or \"url\" in a profile");
}

TEST(Nearest, forgives_a_swap_a_missing_letter_and_a_beginning) {
  const std::vector<std::string> words{"--limit", "--json", "--workspace", "--activity"};
  EXPECT_EQ(nearest("--limti", words), "--limit");
  EXPECT_EQ(nearest("--jsn", words), "--json");
  EXPECT_EQ(nearest("--work", words), "--workspace");
  EXPECT_EQ(nearest("--token", words), "");
}

TEST(Profile, is_refused_where_it_has_something_else) {
  test::TemporaryFolder folder("profile");
  const std::string file = folder.path() + "/profile.json";
  const auto refused = [&](const std::string& text) {
    std::ofstream(file, std::ios::trunc) << text;
    auto profile = load_profile(file, [](const std::string&) { return std::string(); }, "");
    return profile ? std::string("accepted") : profile.error().message.substr(8 + file.size());
  };
  EXPECT_EQ(refused(R"({"ulr":"x"})"), ": has an unknown member \"ulr\": did you mean \"url\"?");
  EXPECT_EQ(refused(R"({"url":7})"), ": \"url\" is no string");
  EXPECT_EQ(refused("[]"), ": is no JSON object");
  EXPECT_NE(refused("{"), "accepted");
  EXPECT_EQ(refused(R"({"url":"http://x","token":null})"), "accepted");
  const auto absent = load_profile(folder.path() + "/none.json", [](const std::string&) { return std::string(); }, "");
  ASSERT_TRUE(absent);  // sign-in makes it
  EXPECT_TRUE(absent->values.empty());
  EXPECT_EQ(absent->file, folder.path() + "/none.json");
}

TEST(Profile, is_found_beside_the_program_and_then_at_home) {
  test::TemporaryFolder folder("profile");
  const Environment home = [&](const std::string& name) { return name == "HOME" ? folder.path() + "/home" : std::string(); };
  std::filesystem::create_directories(folder.path() + "/install/bin");
  EXPECT_EQ(load_profile("", home, folder.path() + "/install/bin")->file, "");
  ASSERT_TRUE(save_profile(folder.path() + "/home/.config/dossier/profile.json", {{"url", "http://home"}}));
  EXPECT_EQ(load_profile("", home, folder.path() + "/install/bin")->values["url"], "http://home");
  ASSERT_TRUE(save_profile(folder.path() + "/install/profile.json", {{"url", "http://install"}}));
  EXPECT_EQ(load_profile("", home, folder.path() + "/install/bin")->values["url"], "http://install");
}

TEST(Profile, is_kept_for_its_owner_alone_and_keeps_what_it_had) {
  test::TemporaryFolder folder("profile");
  const std::string file = folder.path() + "/deep/profile.json";
  ASSERT_TRUE(save_profile(file, {{"url", "http://x"}, {"token", "dst_1"}}));
  ASSERT_TRUE(save_profile(file, {{"token", "dst_2"}}));
  auto profile = load_profile(file, [](const std::string&) { return std::string(); }, "");
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->values["url"], "http://x");
  EXPECT_EQ(profile->values["token"], "dst_2");
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(ExitCodes, know_every_code_by_its_name) {
  for (int i = 0; i < kCodeCount; ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_EQ(code_of(to_string(code)), code);
    EXPECT_GE(exit_code(code), 1);
    EXPECT_LE(exit_code(code), 5);
  }
  EXPECT_EQ(code_of("from_the_future"), Code::internal);
  EXPECT_EQ(exit_code(Code::usage), 2);
  EXPECT_EQ(exit_code(Code::not_found), 3);
  EXPECT_EQ(exit_code(Code::unauthenticated), 4);
  EXPECT_EQ(exit_code(Code::working_copy_busy), 5);
  EXPECT_EQ(exit_code(Code::corrupt), 1);
}

std::vector<Command> whole_table() { return command_table({&nothing, &nothing, {}}); }

TEST(CommandTable, has_words_for_everything_and_every_command_parses) {
  for (const auto& command : whole_table()) {
    EXPECT_FALSE(command.summary.empty()) << command.path;
    const std::string help = help_text(whole_table(), command.path);
    for (const auto& option : command.options) {
      EXPECT_FALSE(option.help.empty()) << command.path << " " << option.name;
      EXPECT_NE(help.find(option.name), std::string::npos) << command.path << " " << option.name;
    }
    for (const auto& argument : command.arguments) EXPECT_NE(help.find(argument.help), std::string::npos) << command.path;
    EXPECT_NE(help_text(whole_table(), "").find(command.path), std::string::npos);
  }
}

TEST(CommandTable, is_completed_by_bash_as_it_is_parsed) {
  test::TemporaryFolder folder("completion");
  std::ofstream(folder.path() + "/completion.bash") << bash_completion(whole_table());
  const auto complete = [&](const std::string& words) {
    const std::string script = "source completion.bash && COMP_WORDS=(dossier " + words +
                               ") && COMP_CWORD=$((${#COMP_WORDS[@]}-1)) && { _dossier; echo \"${COMPREPLY[*]}\"; }";
    const auto result = test::run_command({"/bin/bash", "-c", "cd " + folder.path() + " && " + script}, {}, folder.path());
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  EXPECT_EQ(complete("issue sh"), "show\n");
  EXPECT_EQ(complete("worker-token ''"), "create list revoke\n");
  EXPECT_EQ(complete("replay --form"), "--format\n");
  EXPECT_EQ(complete("replay --format ''"), "text ndjson\n");
  EXPECT_EQ(complete("completion ''"), "bash zsh\n");
  EXPECT_EQ(complete("sign-in --pass"), "\n");
}

}  // namespace
}  // namespace dossier::cli
