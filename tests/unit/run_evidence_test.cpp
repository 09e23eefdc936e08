// Whole runs of real programs: secrets are masked wherever words and files go, evidence is looked at after each turn, limits
// are told.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/run_thread_fixture.hpp"
#include "worker/masking/masker.hpp"

namespace dossier::worker {
namespace {

const std::string kSecret = "hunter2-correct-horse";

bool evidence_has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class RunEvidenceTest : public RunThreadTest {
 protected:
  RunEvidenceTest() { dependencies_.secrets = *masking::Secrets::make({kSecret}); }
  RunEnd run(const std::string& script) {
    offer_.mutable_spec()->set_provider("command");
    for (const std::string& word : {std::string("/bin/sh"), std::string("-c"), script}) offer_.mutable_spec()->add_command(word);
    start();
    EXPECT_TRUE(test::eventually(kRunPatienceMs, [&] {
      const std::lock_guard lock(mutex_);
      return end_.has_value() || std::find(said_.begin(), said_.end(), "source 1") != said_.end();
    }));
    finish();
    return ends();
  }
};

TEST_F(RunEvidenceTest, no_secret_leaves_in_lines_results_or_diffs_and_the_commit_stays_as_it_is) {
  const RunEnd end =
      run("echo " + kSecret + "; echo 'password=" + kSecret + "' >config.txt; echo " + kSecret + " | base64 >&2; echo last " + kSecret);
  EXPECT_EQ(end.kind, RunEnd::Kind::completed) << end.error;
  EXPECT_FALSE(evidence_has(end.result, kSecret));
  EXPECT_TRUE(evidence_has(end.result, "last ***")) << end.result;
  ASSERT_TRUE(end.source);
  EXPECT_TRUE(evidence_has(end.source->diff().plain(), "+password=***\n")) << end.source->diff().plain();
  EXPECT_TRUE(evidence_has(writer_.written(), "the diff holds secrets: 1 place is masked"));
  EXPECT_TRUE(evidence_has(writer_.written(), "last ***"));
  EXPECT_FALSE(evidence_has(writer_.written(), "hunter2"));
  EXPECT_FALSE(evidence_has(writer_.written(), "aHVudGVy"));
  EXPECT_EQ(test::run_git(folder_.path() + "/workroot/workdirs/none/ses_1-o1", "show " + end.source->commit() + ":config.txt"),
            "password=" + kSecret);
}

TEST_F(RunEvidenceTest, a_bad_file_of_evidence_is_reported_and_neither_fails_the_turn_nor_is_source) {
  const RunEnd end = run("mkdir -p .dossier/session; echo '{}' >.dossier/session/pull-request.json; echo x >real.txt");
  EXPECT_EQ(end.kind, RunEnd::Kind::completed) << end.error;
  EXPECT_TRUE(has_said("rejects missing_field, pull-request.json: title is required, turn 1"));
  ASSERT_TRUE(end.source);
  ASSERT_EQ(end.source->files_size(), 1);
  EXPECT_EQ(end.source->files(0).path(), "real.txt");
}

TEST_F(RunEvidenceTest, output_beyond_the_limit_is_told_and_the_run_goes_on) {
  dependencies_.limits.output_bytes = 10'000;
  const RunEnd end = run("yes 'a line of some length' | head -n 5000; echo the end");
  EXPECT_EQ(end.kind, RunEnd::Kind::completed) << end.error;
  EXPECT_TRUE(evidence_has(end.result, "the end"));
  EXPECT_TRUE(has_said("limit output_bytes kept_as_blob"));
  // There is no server here that would take the blob.
  EXPECT_TRUE(evidence_has(said().back(), "rejects upload_failed, output.txt: ")) << said().back();
  EXPECT_LT(writer_.written().size(), 40'000u);
}

TEST_F(RunEvidenceTest, a_run_with_too_many_processes_is_ended_with_its_work_captured) {
  dependencies_.limits.processes = 4;
  const RunEnd end = run("echo x >real.txt; for i in 1 2 3 4 5 6; do sleep 300 & done; wait");
  EXPECT_EQ(end.kind, RunEnd::Kind::failed);
  EXPECT_EQ(end.code, "limit_reached");
  EXPECT_FALSE(end.retryable);
  EXPECT_TRUE(has_said("limit processes stopped"));
  ASSERT_TRUE(end.source);
  EXPECT_EQ(end.source->files_size(), 1);
}

}  // namespace
}  // namespace dossier::worker
