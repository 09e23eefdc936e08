// Policies: which rule decides a request, and that nothing slips past a rule by the way it is written.
#include "events/approval_policy.hpp"

#include <gtest/gtest.h>

#include "events/shell_line.hpp"

namespace dossier::events {
namespace {

using Rule = v1::ApprovalRule;

std::vector<std::vector<std::string>> commands_of(std::string_view line) {
  std::vector<std::vector<std::string>> out;
  for (const auto& command : split_shell_line(line).commands)
    for (auto& words = out.emplace_back(); const auto& word : command) words.push_back(word.text);
  return out;
}

Rule rule(std::string name, Rule::Effect effect) {
  Rule made;
  made.set_name(std::move(name));
  made.set_effect(effect);
  return made;
}
Rule command_rule(Rule::Effect effect, std::initializer_list<const char*> words) {
  Rule made = rule("commands", effect);
  for (const char* word : words) made.add_command_prefix(word);
  return made;
}
Rule path_rule(Rule::Effect effect, const char* glob) {
  Rule made = rule("paths", effect);
  made.set_path(glob);
  return made;
}
v1::ApprovalPolicy policy(std::initializer_list<Rule> rules, v1::ApprovalPolicy::Mode mode = v1::ApprovalPolicy::ON_REQUEST) {
  v1::ApprovalPolicy made;
  made.set_mode(mode);
  for (const Rule& one : rules) *made.add_rules() = one;
  return made;
}
v1::ApprovalRequested command(std::string line) {
  v1::ApprovalRequested made;
  made.set_kind("command");
  made.mutable_command()->set_plain(std::move(line));
  made.set_cwd("/w");
  return made;
}
v1::ApprovalRequested change(std::initializer_list<const char*> paths) {
  v1::ApprovalRequested made;
  made.set_kind("file_change");
  made.set_cwd("/w");
  for (const char* path : paths) made.add_paths(path);
  return made;
}
// accept, decline, or ask.
std::string says(const v1::ApprovalPolicy& policy, const v1::ApprovalRequested& request, bool trusted = false) {
  const auto verdict = decide_by_policy(policy, request, trusted);
  return verdict.has_value() ? verdict->decision() : "ask";
}
std::string says(const Rule& one, const v1::ApprovalRequested& request) { return says(policy({one}), request); }

TEST(ShellLine, IsTakenApartAsAShellWould) {
  using Words = std::vector<std::vector<std::string>>;
  EXPECT_EQ(commands_of("git  status"), (Words{{"git", "status"}}));
  EXPECT_EQ(commands_of("a; b&&c || d | e & f\ng"), (Words{{"a"}, {"b"}, {"c"}, {"d"}, {"e"}, {"f"}, {"g"}}));
  EXPECT_EQ(commands_of("echo 'a; b' \"c && d\" e\\;f"), (Words{{"echo", "a; b", "c && d", "e;f"}}));
  EXPECT_EQ(commands_of("g'i't st\\\natus"), (Words{{"git", "status"}}));
  EXPECT_EQ(commands_of("/bin/bash -lc 'git status; ls'"), (Words{{"git", "status"}, {"ls"}}));
  EXPECT_EQ(commands_of("sh -c \"bash -c 'make test'\""), (Words{{"make", "test"}}));
  EXPECT_EQ(commands_of("./bash -c ls"), (Words{{"./bash", "-c", "ls"}})) << "whoever wrote that file is no shell of the system";
  EXPECT_EQ(commands_of("make 2>&1 >/dev/null"), (Words{{"make"}}));
}

TEST(ShellLine, ThatExpandsOrWritesIsNotUnderstood) {
  for (const char* line :
       {"git $(rm -rf /)", "git `rm`", "git \"$(rm)\"", "git status > ~/.bashrc", "git log >>x", "cat <(ls)", "(rm x)", "git 'open", "git \"open",
        "if rm x; then y; fi", "! rm", "git # rm", "$X", "a\rb", "git status >/dev/null/../x", "cat <<E\nrm\nE", "a\\"})
    EXPECT_FALSE(split_shell_line(line).understood) << line;
  EXPECT_FALSE(split_shell_line(std::string(kMaxShellLineBytes + 1, 'a')).understood);
  std::string many;
  for (std::size_t i = 0; i < kMaxShellCommands; ++i) many += "a;";
  EXPECT_TRUE(split_shell_line(many).understood);
  EXPECT_FALSE(split_shell_line(many + "a").understood);
}

TEST(Policy, AllowsACommandByItsFirstWords) {
  const Rule status = command_rule(Rule::ALLOW, {"git", "status"});
  for (const char* line : {"git status", "git status -s", "/bin/bash -lc 'git status'", "git 'status' 2>&1", "git status; git status -b"})
    EXPECT_EQ(says(status, command(line)), "accept") << line;
}

TEST(Policy, AllowsNothingBehindACommandThatItAllows) {
  const Rule status = command_rule(Rule::ALLOW, {"git", "status"});
  for (const char* line : {"git status; rm -rf /",
                           "git status && rm x",
                           "git status | sh",
                           "git status\nrm x",
                           "git status & rm x",
                           "git status $(rm x)",
                           "git status > x",
                           "/tmp/git status",
                           "./git status",
                           "git statusx",
                           "git",
                           "git -C / status",
                           "LD_PRELOAD=x git status",
                           "git st*",
                           "bash -lc 'git status; rm x'",
                           "bash -lc 'git status' rm",
                           "sudo git status",
                           "git {status,push}",
                           "",
                           "g?t status",
                           "(git status)"})
    EXPECT_EQ(says(status, command(line)), "ask") << line;
}

TEST(Policy, DeniesACommandHoweverItIsCalled) {
  const Rule no_rm = command_rule(Rule::DENY, {"rm"});
  for (const char* line : {"rm x", "/bin/rm x", "ls; rm x", "X=1 rm x", "bash -lc 'ls && rm x'", "r'm' x", "\\rm x", "a | rm"})
    EXPECT_EQ(says(no_rm, command(line)), "decline") << line;
}

TEST(Policy, LeavesToPeopleWhatADenialCantRuleOut) {
  Rule all = rule("all", Rule::ALLOW);
  const auto rules = policy({command_rule(Rule::DENY, {"git", "push"}), all});
  for (const char* line :
       {"git $(x)", "$X push", "git -C x push", "sudo git push", "find . -exec git push", "bash script.sh", "eval x", "git pu*", "sh"})
    EXPECT_EQ(says(rules, command(line)), "ask") << line;
  EXPECT_EQ(says(rules, command("git push")), "decline");
  for (const char* line : {"git status", "ls", "sudo ls"}) EXPECT_EQ(says(rules, command(line)), "accept") << line;
  v1::ApprovalRequested sealed = command("");
  sealed.mutable_command()->mutable_sealed()->set_key_id("k");
  EXPECT_EQ(says(rules, sealed), "ask") << "nobody can read it";
}

TEST(Policy, AllowsAChangeWhereEveryPathMatchesAndDeniesItWhereOneDoes) {
  EXPECT_EQ(says(path_rule(Rule::ALLOW, "docs/**"), change({"/w/docs/a.md", "docs/b/c.md"})), "accept");
  EXPECT_EQ(says(path_rule(Rule::ALLOW, "docs/**"), change({"docs/a.md", "src/b.cpp"})), "ask");
  EXPECT_EQ(says(path_rule(Rule::DENY, ".github/**"), change({"docs/a.md", ".github/workflows/x.yml"})), "decline");
  EXPECT_EQ(says(path_rule(Rule::ALLOW, "/w/docs/*.md"), change({"docs/a.md"})), "accept");
}

TEST(Policy, IsNotFooledByAPathThatLeadsElsewhere) {
  for (const char* path : {"docs/../src/x", "/w/docs/../x", "/etc/passwd", "/other/docs/a", "/wdocs/a", "", "../w/docs/a"})
    EXPECT_EQ(says(path_rule(Rule::ALLOW, "docs/**"), change({path})), "ask") << path;
  EXPECT_EQ(says(path_rule(Rule::ALLOW, "docs/**"), change({"./docs//a"})), "accept");
  const auto rules = policy({path_rule(Rule::DENY, "secret/**"), rule("all", Rule::ALLOW)});
  EXPECT_EQ(says(rules, change({"a/../secret/x"})), "ask");
  EXPECT_EQ(says(rules, change({})), "ask") << "a change that names no path";
  EXPECT_EQ(says(rules, change({"open/x"})), "accept");
  v1::ApprovalRequested many = change({});
  for (int i = 0; i <= kMaxJudgedPaths; ++i) many.add_paths("docs/a");
  EXPECT_EQ(says(path_rule(Rule::ALLOW, "docs/**"), many), "ask");
}

TEST(Policy, ReadsGlobsPartByPart) {
  EXPECT_TRUE(glob_matches("**", "a/b/c"));
  EXPECT_TRUE(glob_matches("**/x", "x"));
  EXPECT_TRUE(glob_matches("a/**/z", "a/b/c/z"));
  EXPECT_TRUE(glob_matches("a/**/z", "a/z"));
  EXPECT_TRUE(glob_matches("*.c?p", "main.cpp"));
  EXPECT_FALSE(glob_matches("*", "a/b"));
  EXPECT_FALSE(glob_matches("docs/**", "docsx/a"));
  EXPECT_FALSE(glob_matches("a/**/z", "a/b"));
  EXPECT_FALSE(glob_matches("*.cpp", "a/main.cpp"));
}

TEST(Policy, GoesByTheFirstRuleThatFits) {
  const auto rules = policy({command_rule(Rule::ASK, {"git", "push"}), command_rule(Rule::ALLOW, {"git"}), rule("rest", Rule::DENY)});
  EXPECT_EQ(says(rules, command("git push")), "ask");
  EXPECT_EQ(says(rules, command("git log")), "accept");
  EXPECT_EQ(says(rules, command("make")), "decline");
  EXPECT_EQ(decide_by_policy(rules, command("make"), false)->rule(), "rest");
}

TEST(Policy, TellsKindsAndTrustApart) {
  Rule files = rule("files", Rule::ALLOW);
  files.set_kind("file_change");
  files.set_project(Rule::TRUSTED);
  EXPECT_TRUE(asks_for_trust(policy({files})));
  EXPECT_EQ(says(policy({files}), change({"a"}), true), "accept");
  EXPECT_EQ(says(policy({files}), change({"a"}), false), "ask");
  EXPECT_EQ(says(policy({files}), command("ls"), true), "ask");
  files.set_project(Rule::NOT_TRUSTED);
  files.set_effect(Rule::DENY);
  EXPECT_EQ(says(policy({files}), change({"a"}), false), "decline");
  EXPECT_EQ(says(policy({files}), change({"a"}), true), "ask");
}

TEST(Policy, AnswersNoQuestionsForPeople) {
  v1::ApprovalRequested question;
  question.set_kind("user_input");
  EXPECT_EQ(says(rule("all", Rule::ALLOW), question), "ask");
  EXPECT_EQ(says(rule("all", Rule::DENY), question), "decline");
}

TEST(Policy, UnderWhichNobodyIsAskedDeclinesWhatNoRuleAllows) {
  const auto never = policy({command_rule(Rule::ALLOW, {"git"}), command_rule(Rule::ASK, {"make"})}, v1::ApprovalPolicy::NEVER);
  EXPECT_EQ(says(never, command("git log")), "accept");
  EXPECT_EQ(says(never, command("make")), "decline");
  EXPECT_EQ(says(never, command("ls")), "decline");
  EXPECT_EQ(says(default_policy(), command("ls")), "decline");
  EXPECT_EQ(decide_by_policy(default_policy(), command("ls"), false)->rule(), "");
}

TEST(Policy, NamesTheFieldThatIsWrong) {
  const auto field_of = [](const v1::ApprovalPolicy& wrong) {
    const Status status = check_policy(wrong);
    return status ? std::string("none") : status.error().field;
  };
  EXPECT_EQ(field_of(policy({command_rule(Rule::ALLOW, {"git"}), path_rule(Rule::DENY, "**/x")})), "none");
  EXPECT_EQ(field_of(policy({}, v1::ApprovalPolicy::MODE_UNSPECIFIED)), "mode");
  EXPECT_EQ(field_of(policy({rule("", Rule::ALLOW)})), "rules[0].name");
  EXPECT_EQ(field_of(policy({rule("a", Rule::ALLOW), rule("a", Rule::DENY)})), "rules[1].name");
  EXPECT_EQ(field_of(policy({rule("a", Rule::EFFECT_UNSPECIFIED)})), "rules[0].effect");
  EXPECT_EQ(field_of(policy({command_rule(Rule::ALLOW, {"git status"})})), "rules[0].command_prefix");
  EXPECT_EQ(field_of(policy({path_rule(Rule::ALLOW, "a/../b")})), "rules[0].path");
  EXPECT_EQ(field_of(policy({path_rule(Rule::ALLOW, "a**")})), "rules[0].path");
  Rule kind = rule("a", Rule::ALLOW);
  kind.set_kind("dance");
  EXPECT_EQ(field_of(policy({kind})), "rules[0].kind");
  v1::ApprovalPolicy many = policy({});
  for (int i = 0; i < kMaxRules; ++i) *many.add_rules() = rule("r" + std::to_string(i), Rule::ASK);
  EXPECT_EQ(field_of(many), "none");
  *many.add_rules() = rule("one more", Rule::ASK);
  EXPECT_EQ(field_of(many), "rules");
}

}  // namespace
}  // namespace dossier::events
