// Programs that misuse their pipes, on their way through everything that an agent's output passes: lines, masking, cleaning.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/agents/agent.hpp"
#include "worker/event_masking.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

const std::string kSecret = "hunter2-correct-horse";
const std::string kMark = "\xef\xbf\xbd";

// Masks and cleans as a run's host does, and keeps what would leave.
class LeavingHost final : public AgentHost {
 public:
  void on_event(AgentEvent event) override {
    if (event.kind == AgentEvent::Kind::turn_ended) turn_over_ = true;
    masker_.take(std::move(event), [&](AgentEvent masked) {
      if (masked.kind != AgentEvent::Kind::log_line) return;
      longest = std::max(longest, masked.text.size());
      lines[masked.name == "agent" ? 0 : 1] += clean_text(masked.text) + "\n";
    });
  }
  // One turn is all it wants.
  std::vector<AgentCommand> take_commands() override {
    if (!std::exchange(turn_over_, false)) return {};
    return {AgentCommand()};  // finish
  }
  bool congested() override { return false; }
  std::int64_t pump() override { return 1'000'000; }
  Stop stop() const override { return Stop::no; }
  process::Wakeup& wakeup() override { return wakeup_; }

  std::string lines[2];  // of agent, of stderr
  std::size_t longest = 0;

 private:
  EventMasker masker_{*masking::Secrets::make({kSecret})};
  process::Wakeup wakeup_;
  bool turn_over_ = false;
};

class BadInput : public ::testing::Test {
 protected:
  AgentResult shell(const std::string& script) {
    AgentRequest request;
    request.session_id = "ses_1";
    request.prompt = prompt_;
    request.worktree = folder_.path();
    request.family = family_;
    request.environment = agent_environment(std::nullopt);
    request.timeout_ms = 120'000;
    request.command = {"/bin/sh", "-c", script};
    return make_agent("command")->run(request, host_);
  }
  void TearDown() override { EXPECT_TRUE(process::marked_processes(family_).members.empty()); }

  test::TemporaryFolder folder_{"bad-input"};
  const std::string family_ = "test-" + crypto::random_uuid_hex();
  std::string prompt_ = "do it";
  LeavingHost host_;
};

TEST_F(BadInput, nul_and_bytes_that_are_no_utf8_become_replacement_characters) {
  EXPECT_EQ(shell(R"(printf 'a\000b\n\377\376 h\303\251llo\303\n'; printf '\000\377' >&2)").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.lines[0], "a" + kMark + "b\n" + kMark + kMark + " h\xc3\xa9llo" + kMark + "\n");
  EXPECT_EQ(host_.lines[1], kMark + kMark + "\n");
}

TEST_F(BadInput, a_result_of_such_bytes_is_text) {
  const AgentResult result = shell(R"(printf 'a\000b\377'; exit 0)");
  EXPECT_TRUE(is_utf8(result.result));
  EXPECT_EQ(result.result, "a" + kMark + "b" + kMark);
}

TEST_F(BadInput, lines_of_ten_megabytes_come_in_pieces_and_secrets_on_their_borders_are_masked) {
  // The secret lies across the border of the first two pieces.
  const AgentResult result =
      shell("head -c 65530 /dev/zero | tr '\\0' x; printf " + kSecret + "; head -c 10000000 /dev/zero | tr '\\0' y; echo; echo end");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  EXPECT_LE(host_.longest, kMaxAgentLine);
  EXPECT_EQ(static_cast<std::size_t>(std::count(host_.lines[0].begin(), host_.lines[0].end(), 'y')), 10'000'000u);
  EXPECT_EQ(static_cast<std::size_t>(std::count(host_.lines[0].begin(), host_.lines[0].end(), 'x')), 65'530u);
  std::string joined = host_.lines[0];
  std::erase(joined, '\n');
  EXPECT_EQ(joined.find("correct"), std::string::npos);
  EXPECT_EQ(joined.find("er2-corr"), std::string::npos);
  EXPECT_EQ(host_.lines[0].substr(host_.lines[0].size() - 5), "\nend\n");
}

TEST_F(BadInput, a_flood_on_standard_error_blocks_nothing) {
  prompt_.assign(1'000'000, 'p');  // more than a pipe holds, and never read
  EXPECT_EQ(shell("head -c 20000000 /dev/zero | tr '\\0' 'e' | fold -w 100 >&2; echo done").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.lines[0], "done\n");
  EXPECT_EQ(static_cast<std::size_t>(std::count(host_.lines[1].begin(), host_.lines[1].end(), 'e')), 20'000'000u);
}

TEST_F(BadInput, a_closed_standard_input_is_no_failure) {
  prompt_.assign(1'000'000, 'p');
  EXPECT_EQ(shell("exec <&-; sleep 0.2; echo done").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.lines[0], "done\n");
}

TEST_F(BadInput, a_program_that_closes_all_its_pipes_is_waited_for_without_turning_in_circles) {
  const std::clock_t before = std::clock();
  const AgentResult result = shell("exec <&- >&- 2>&-; sleep 2; exit 3");
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_NE(result.error.find("exit status 3"), std::string::npos);
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 1.0);  // of processor time, in 2 s
}

TEST_F(BadInput, children_that_hold_the_pipes_do_not_keep_the_run_alive) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(shell("echo first; (trap '' TERM HUP INT; sleep 300; echo late) & (setsid sleep 300 &) ; exit 0").kind, AgentResult::Kind::completed);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
  EXPECT_EQ(host_.lines[0], "first\n");
}

TEST_F(BadInput, nothing_but_line_ends_is_a_line_each) {
  EXPECT_EQ(shell("printf '\\n\\r\\n\\n'").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.lines[0], "\n\n\n");
}

}  // namespace
}  // namespace dossier::worker
