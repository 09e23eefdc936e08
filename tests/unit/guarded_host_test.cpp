// Real programs behind the guard: what they say is masked, and what they use is bounded.
#include "worker/guarded_host.hpp"

#include <gtest/gtest.h>

#include <map>

#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/run_evidence.hpp"

namespace dossier::worker {
namespace {

const std::string kHostSecret = "hunter2-correct-horse";

class PlainHost final : public AgentHost {
 public:
  void on_event(AgentEvent event) override {
    if (event.kind == AgentEvent::Kind::log_line) text += event.text + "\n";
    if (event.kind == AgentEvent::Kind::system) system += event.text + "\n";
    if (event.kind == AgentEvent::Kind::turn_ended) ++turns_ended;
  }
  // One turn is all it wants.
  std::vector<AgentCommand> take_commands() override {
    if (turns_ended == told_) return {};
    told_ = turns_ended;
    return {AgentCommand()};  // finish
  }
  bool congested() override { return false; }
  std::int64_t pump() override { return 60'000'000; }
  Stop stop() const override { return Stop::no; }
  process::Wakeup& wakeup() override { return wakeup_; }

  std::string text, system;
  int turns_ended = 0;

 private:
  int told_ = 0;
  process::Wakeup wakeup_;
};

class Guarded : public ::testing::Test {
 protected:
  AgentResult shell(const std::string& script, limits::TaskLimits limits = {}) {
    guard_.emplace(GuardedHost::Parts{host_,
                                      *masking::Secrets::make({kHostSecret}),
                                      limits,
                                      folder_.path() + "/tree.output",
                                      [this](const limits::Reached& reached) { reached_.push_back(reached); },
                                      {"", {}, 20, 20}});
    AgentRequest request;
    request.worktree = folder_.path() + "/tree";
    request.home = folder_.path() + "/home";
    request.family = family_;
    request.environment = agent_environment(std::nullopt);
    request.timeout_ms = static_cast<std::int64_t>(limits.wall_time_ms);
    request.command = {"/bin/sh", "-c", script};
    test::write_file(request.worktree + "/here", "");
    guard_->begin(request);
    return guard_->end(make_agent("command")->run(request, *guard_));
  }
  void TearDown() override { EXPECT_TRUE(process::marked_processes(family_).members.empty()); }

  test::TemporaryFolder folder_{"guarded"};
  const std::string family_ = "test-" + crypto::random_uuid_hex();
  PlainHost host_;
  std::optional<GuardedHost> guard_;
  std::vector<limits::Reached> reached_;
};

TEST_F(Guarded, output_and_result_are_masked) {
  const AgentResult result = shell("echo begin " + kHostSecret + "; echo " + kHostSecret + " | base64 >&2; exit 3");
  EXPECT_EQ(host_.text.find(kHostSecret), std::string::npos);
  EXPECT_NE(host_.text.find("begin ***\n"), std::string::npos);
  EXPECT_EQ(host_.text.find("aHVudGVy"), std::string::npos) << host_.text;
  EXPECT_EQ(result.error.find("aHVudGVy"), std::string::npos) << result.error;
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_TRUE(reached_.empty());
  EXPECT_EQ(host_.turns_ended, 1);
}

TEST_F(Guarded, too_many_processes_end_the_run) {
  const AgentResult result = shell("for i in 1 2 3 4 5 6 7 8; do sleep 300 & done; echo started; wait", {.processes = 5});
  EXPECT_EQ(result.kind, AgentResult::Kind::failed);
  EXPECT_EQ(result.code, "limit_reached");
  EXPECT_FALSE(result.retryable);
  ASSERT_EQ(reached_.size(), 1u);
  EXPECT_EQ(reached_[0].limit, limits::Limit::processes);
  EXPECT_GT(reached_[0].observed, 5u);
  EXPECT_NE(host_.system.find("limit reached: "), std::string::npos);
}

TEST_F(Guarded, too_much_on_disk_ends_the_run) {
  const AgentResult result = shell("head -c 3000000 /dev/zero >large; sleep 300", {.disk_bytes = 2'000'000});
  EXPECT_EQ(result.code, "limit_reached");
  ASSERT_EQ(reached_.size(), 1u);
  EXPECT_EQ(reached_[0].limit, limits::Limit::disk);
}

TEST_F(Guarded, output_beyond_the_limit_is_kept_whole_and_masked_and_the_run_goes_on) {
  const AgentResult result = shell("yes 'one line of the output' | head -n 10000; echo " + kHostSecret + "; echo end", {.output_bytes = 100'000});
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  ASSERT_EQ(reached_.size(), 1u);
  EXPECT_EQ(reached_[0].action, limits::Action::kept_as_blob);
  EXPECT_LE(host_.text.size(), 100'000 + 10'000);  // line ends are not counted
  ASSERT_TRUE(guard_->output().is_used());
  ASSERT_TRUE(guard_->output().finish());
  const std::string rest = test::read_file(guard_->output().path());
  EXPECT_EQ(host_.text.size() / 23 + rest.size() / 30, 10'000u);
  EXPECT_EQ(rest.substr(rest.size() - 22), "agent: ***\nagent: end\n");
}

TEST_F(Guarded, a_turn_that_takes_too_long_is_told_as_a_limit) {
  const AgentResult result = shell("sleep 300", {.wall_time_ms = 300});
  EXPECT_EQ(result.code, "agent_timeout");
  ASSERT_EQ(reached_.size(), 1u);
  EXPECT_EQ(reached_[0].limit, limits::Limit::wall_time);
  EXPECT_GT(reached_[0].observed, 300u);
}

class Evidence : public ::testing::Test {
 protected:
  RunEvidence make() {
    return RunEvidence({"ses_1", 3, folder_.path() + "/tree", *masking::Secrets::make({kHostSecret}),
                        [this](const std::string& file, const std::string& sha256) -> Status {
                          if (refuses_) return make_error(Code::io, "no room");
                          blobs_[sha256] = test::read_file(file);
                          return {};
                        },
                        [this](v1::EvidenceRecorded fact) { recorded_.push_back(std::move(fact)); },
                        [this](v1::EvidenceRejected fact) { rejected_.push_back(std::move(fact)); },
                        [this](const std::string& line) { said_ += line + "\n"; }});
  }
  void write(const std::string& name, const std::string& content) { test::write_file(folder_.path() + "/tree/.dossier/session/" + name, content); }

  test::TemporaryFolder folder_{"evidence"};
  bool refuses_ = false;
  std::map<std::string, std::string> blobs_;
  std::vector<v1::EvidenceRecorded> recorded_;
  std::vector<v1::EvidenceRejected> rejected_;
  std::string said_;
};

TEST_F(Evidence, good_files_become_facts_with_blobs_and_bad_ones_rejections) {
  RunEvidence evidence = make();
  write("unit.xml", R"(<testsuite><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>)");
  write("pull-request.json", R"({"title":"uses hunter2-correct-horse"})");
  write("branch-name.json", R"({"branch":7})");
  evidence.after_turn(2);
  ASSERT_EQ(recorded_.size(), 2u);
  EXPECT_EQ(recorded_[0].kind(), "pull_request");
  EXPECT_EQ(recorded_[0].turn(), 2u);
  EXPECT_EQ(recorded_[0].offer(), 3u);
  EXPECT_EQ(recorded_[0].session_id(), "ses_1");
  EXPECT_EQ(blobs_.at(recorded_[0].blob().sha256()), R"({"title":"uses ***"})");
  EXPECT_EQ(recorded_[0].blob().size(), 20u);
  EXPECT_EQ(recorded_[1].blob().media_type(), "application/xml");
  ASSERT_EQ(rejected_.size(), 1u);
  EXPECT_EQ(rejected_[0].code(), "invalid_field");
  EXPECT_EQ(rejected_[0].message().plain(), "branch-name.json: branch must be a string");
  EXPECT_EQ(said_,
            "evidence was not taken: branch-name.json: branch must be a string\n"
            "pull-request.json holds secrets: 1 place is masked in what was kept, and the file has them still\n"
            "unit.xml: 2 tests, 1 failed, 0 broke, 0 were skipped\n");
  EXPECT_EQ(test::read_file(folder_.path() + "/tree.evidence"), "");
}

TEST_F(Evidence, a_blob_store_that_refuses_makes_a_rejection_and_no_failure) {
  RunEvidence evidence = make();
  refuses_ = true;
  write("branch-name.json", R"({"branch":"ok"})");
  evidence.after_turn(1);
  EXPECT_TRUE(recorded_.empty());
  ASSERT_EQ(rejected_.size(), 1u);
  EXPECT_EQ(rejected_[0].code(), "upload_failed");
  EXPECT_EQ(rejected_[0].message().plain(), "branch-name.json: no room");
}

TEST_F(Evidence, output_that_the_log_has_no_room_for_is_recorded_once_it_is_there) {
  RunEvidence evidence = make();
  limits::OutputFile output(folder_.path() + "/tree.output");
  evidence.after_run(1, output);
  EXPECT_TRUE(recorded_.empty());
  output.line("agent", "the rest");
  evidence.after_run(1, output);
  ASSERT_EQ(recorded_.size(), 1u);
  EXPECT_EQ(recorded_[0].kind(), "output");
  EXPECT_EQ(blobs_.at(recorded_[0].blob().sha256()), "agent: the rest\n");
}

TEST(DiffMasker, masks_over_the_borders_of_pieces_and_says_so) {
  std::string diff, said;
  DiffMasker masker(*masking::Secrets::make({kHostSecret}), [&](std::string_view piece) {
    diff += piece;
    return true;
  });
  for (const char* piece :
       {"+++ b/x\n+password=hunter2-", "correct-horse\n+-----BEGIN PRIVATE KEY-----\n+MIIE", "vQIBADAN\n+-----END PRIVATE KEY-----\n context\n"})
    EXPECT_TRUE(masker.add(piece));
  EXPECT_TRUE(masker.finish([&](const std::string& line) { said = line; }));
  EXPECT_EQ(diff, "+++ b/x\n+password=***\n+-----BEGIN PRIVATE KEY-----\n***\n***\n context\n");
  EXPECT_EQ(said, "the diff holds secrets: 2 places are masked in what is shown, and the commit has them still; change them");
}

}  // namespace
}  // namespace dossier::worker
