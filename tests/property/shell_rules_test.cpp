// Rules by command against real shells: a line that a rule lets through, or that no rule stopped, never runs what the rules
// speak against, whatever it is made of. Random lines of words, quotes, operators and tricks, run by bash and sh.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include "events/approval_policy.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::events {
namespace {

using Rule = v1::ApprovalRule;

constexpr int kLines = 400'000;
constexpr int kRuns = 150;  // of lines that are let through, for each policy

constexpr auto kPieces = std::to_array<std::string_view>(
    {"good",   "evil",   "good", "evil",  " ",   " ",  " ",        " ",        " ",       ";",  "&&",   "||",  "|",    "&",
     "\n",     "'",      "\"",   "\\",    "$(",  ")",  "`",        "(",        "{ ",      ";}", ">",    "<",   "2>&1", ">/dev/null",
     "#",      "!",      "if ",  "then ", "fi",  "X=", "$X",       "${X}",     "bash -c", "sh", "eval", "env", "-lc ", "e*l",
     "ev\\il", "e'v'il", "\\\n", "\t",    "<<E", "E",  "goodevil", "/bin/sh ", "exec ",   "[",  "]",    "~",   "=",    "-c "});

std::string random_line(std::mt19937& random) {
  std::string line;
  const auto pieces = 1 + random() % 9;
  for (std::uint32_t i = 0; i < pieces; ++i) line += kPieces[random() % kPieces.size()];
  return line;
}

bool may_mean_evil(const std::string& line) {
  return line.find("ev") != std::string::npos || line.find("e'v") != std::string::npos || line.find("e*l") != std::string::npos;
}

v1::ApprovalPolicy policy(Rule::Effect effect, const char* word, bool allow_the_rest) {
  v1::ApprovalPolicy made;
  made.set_mode(v1::ApprovalPolicy::ON_REQUEST);
  Rule& first = *made.add_rules();
  first.set_name("first");
  first.set_effect(effect);
  first.add_command_prefix(word);
  if (!allow_the_rest) return made;
  Rule& rest = *made.add_rules();
  rest.set_name("rest");
  rest.set_effect(Rule::ALLOW);
  return made;
}

bool is_let_through(const v1::ApprovalPolicy& policy, const std::string& line) {
  v1::ApprovalRequested request;
  request.set_kind("command");
  request.mutable_command()->set_plain(line);
  const auto verdict = decide_by_policy(policy, request, false);
  return verdict.has_value() && verdict->decision() == "accept";
}

// A folder whose programs are good, which does nothing, and evil, which leaves a mark.
class Yard {
 public:
  Yard() {
    program("good", "exit 0");
    program("evil", ": > " + mark());
    std::filesystem::create_directories(here());
    std::ofstream(here() + "/evil") << "what a glob may find\n";
  }
  bool runs_evil(const char* shell, const std::string& line) {
    const std::vector<std::string> argv = {"/usr/bin/env", "-i", "-C", here(), "PATH=" + folder_.path() + "/bin:/usr/bin:/bin", shell, "-c", line};
    (void)test::run_command(argv, {}, folder_.path());
    return std::filesystem::remove(mark());
  }

 private:
  void program(const std::string& name, const std::string& body) {
    std::filesystem::create_directories(folder_.path() + "/bin");
    const std::string file = folder_.path() + "/bin/" + name;
    std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::string mark() const { return folder_.path() + "/mark"; }
  std::string here() const { return folder_.path() + "/here"; }
  test::TemporaryFolder folder_{"yard"};
};

void expect_that_evil_never_runs(const v1::ApprovalPolicy& rules, std::uint32_t seed) {
  Yard yard;
  ASSERT_TRUE(yard.runs_evil("/bin/bash", "good; evil")) << "the yard sees what it is there to see";
  std::mt19937 random(seed);
  int runs = 0;
  for (int n = 0; n < kLines && runs < kRuns; ++n) {
    const std::string line = random_line(random);
    if (!may_mean_evil(line) || !is_let_through(rules, line)) continue;
    ++runs;
    for (const char* shell : {"/bin/bash", "/bin/sh"}) EXPECT_FALSE(yard.runs_evil(shell, line)) << shell << " ran evil: " << line;
  }
  EXPECT_EQ(runs, kRuns) << "too few lines are let through to say anything";
}

TEST(ShellRules, ALineThatIsAllowedRunsNothingElse) { expect_that_evil_never_runs(policy(Rule::ALLOW, "good", false), 1); }

TEST(ShellRules, ALineThatIsNotDeniedDoesNotRunWhatIsDenied) { expect_that_evil_never_runs(policy(Rule::DENY, "evil", true), 2); }

}  // namespace
}  // namespace dossier::events
