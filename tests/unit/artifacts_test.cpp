// Files of evidence: what is taken, what is refused and why, and that nothing leads out of their folder.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/artifacts/collector.hpp"
#include "worker/artifacts/junit.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker::artifacts {
namespace {

namespace fs = std::filesystem;
using test::write_file;

class Artifacts : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) { write_file(path(name), content); }
  std::string path(const std::string& name) const { return folder_.path() + "/.dossier/session/" + name; }
  void collect() {
    accepted_.clear();
    rejected_.clear();
    collector_.collect(folder_.path(), {[&](Artifact artifact) { accepted_.push_back(std::move(artifact)); },
                                        [&](Rejected rejected) { rejected_.push_back(std::move(rejected)); }});
  }
  // The one refusal, as "code: message".
  std::string refusal() {
    collect();
    EXPECT_TRUE(accepted_.empty());
    EXPECT_EQ(rejected_.size(), 1u);
    return rejected_.empty() ? "" : rejected_[0].code + " | " + rejected_[0].message;
  }
  std::string refusal_of(const std::string& name, const std::string& content) {
    write(name, content);
    return refusal();
  }

  test::TemporaryFolder folder_{"artifacts"};
  Collector collector_{*masking::Secrets::make({"hunter2-correct-horse"})};
  std::vector<Artifact> accepted_;
  std::vector<Rejected> rejected_;
};

TEST_F(Artifacts, no_folder_is_no_evidence_and_no_fault) {
  collect();
  EXPECT_TRUE(accepted_.empty() && rejected_.empty());
  fs::create_directories(folder_.path() + "/.dossier");
  collect();
  EXPECT_TRUE(accepted_.empty() && rejected_.empty());
}

TEST_F(Artifacts, every_known_file_is_taken_with_its_kind_hash_and_type) {
  const std::string review =
      R"({"verdict":"ready","summary":"It works.","checks":[{"name":"unit","status":"passed"}],"risks":["none"],"files":["a.c"],"mine":{"kept":true}})";
  write("review-evidence.json", review);
  write("test-environment.json", R"({"status":"ready","summary":"up","commands":["make up"],"url":"http://127.0.0.1:1","services":[{"name":"db"}]})");
  write("branch-name.json", R"({"branch":"feature/parser","reason":"says what it is"})");
  write("pull-request.json", R"({"title":"Mend the parser","body":"…","base":"main","draft":true,"labels":["bug"],"reviewers":["ann"]})");
  write("project-runbook.md", "# How to run it\n");
  write("unit.xml", R"(<?xml version="1.0"?><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>)");
  collect();
  EXPECT_TRUE(rejected_.empty()) << rejected_[0].message;
  ASSERT_EQ(accepted_.size(), 6u);
  const std::vector<std::vector<std::string>> expected = {
      {"branch_name", "branch-name.json", "application/json"},           {"runbook", "project-runbook.md", "text/markdown"},
      {"pull_request", "pull-request.json", "application/json"},         {"review_evidence", "review-evidence.json", "application/json"},
      {"test_environment", "test-environment.json", "application/json"}, {"junit", "unit.xml", "application/xml"}};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ((std::vector<std::string>{accepted_[i].kind, accepted_[i].name, accepted_[i].media_type}), expected[i]);
  EXPECT_EQ(accepted_[3].content, review);
  EXPECT_EQ(accepted_[3].sha256_hex, to_hex(crypto::view(crypto::sha256(review))));
  EXPECT_EQ(accepted_[5].tests, (TestCounts{2, 1, 0, 0}));
}

TEST_F(Artifacts, a_bad_field_is_named_and_the_other_files_are_taken_all_the_same) {
  write("branch-name.json", R"({"branch":"ok"})");
  write("pull-request.json", R"({"body":"no title"})");
  collect();
  ASSERT_EQ(accepted_.size(), 1u);
  ASSERT_EQ(rejected_.size(), 1u);
  EXPECT_EQ(rejected_[0].kind, "pull_request");
  EXPECT_EQ(rejected_[0].code, "missing_field");
  EXPECT_EQ(rejected_[0].message, "pull-request.json: title is required");
}

TEST_F(Artifacts, each_schema_says_what_is_wrong) {
  EXPECT_EQ(refusal_of("test-environment.json", R"({"status":"fine"})"),
            "invalid_field | test-environment.json: status must be one of ready, partial, failed");
  EXPECT_EQ(refusal_of("test-environment.json", R"({"status":"ready","url":"ftp://x"})"),
            "invalid_field | test-environment.json: url must be an http or https URL");
  EXPECT_EQ(refusal_of("test-environment.json", R"({"status":"ready","services":[{"name":"a"},{}]})"),
            "missing_field | test-environment.json: services[1].name is required");
  fs::remove(path("test-environment.json"));
  EXPECT_EQ(refusal_of("review-evidence.json", R"({"verdict":"ready","summary":"s","checks":[{"name":"n","status":"maybe"}]})"),
            "invalid_field | review-evidence.json: checks[0].status must be one of passed, failed, skipped");
  EXPECT_EQ(refusal_of("review-evidence.json", R"({"verdict":"ready","summary":7})"),
            "invalid_field | review-evidence.json: summary must be a string");
  EXPECT_EQ(refusal_of("review-evidence.json", R"({"verdict":"ready","summary":"s","checks":{}})"),
            "invalid_field | review-evidence.json: checks must be an array of at most 200 objects");
  fs::remove(path("review-evidence.json"));
  EXPECT_EQ(refusal_of("branch-name.json", R"({"branch":"a..b"})"),
            "invalid_field | branch-name.json: branch is no name that git takes for a branch");
  EXPECT_EQ(refusal_of("branch-name.json", "[]"), "invalid_field | branch-name.json: the file must be one JSON object");
  EXPECT_EQ(refusal_of("branch-name.json", "{\"branch\":").substr(0, 29), "not_json | branch-name.json: ");
  fs::remove(path("branch-name.json"));
  EXPECT_EQ(refusal_of("project-runbook.md", " \n"), "empty | project-runbook.md: the file is empty");
  EXPECT_EQ(refusal_of("project-runbook.md", "a\xff"), "not_text | project-runbook.md: the file must be UTF-8 text without NUL");
  fs::remove(path("project-runbook.md"));
  EXPECT_EQ(refusal_of("a.xml", "<html/>"), "not_junit | a.xml: the root must be <testsuites> or <testsuite>, not <html>");
  EXPECT_EQ(refusal_of("a.xml", "<testsuite><").substr(0, 23), "not_xml | a.xml: is no ");
  fs::remove(path("a.xml"));
  EXPECT_EQ(refusal_of("notes.txt", "x").substr(0, 35), "unknown_name | notes.txt: is no evi");
}

TEST_F(Artifacts, a_file_of_exactly_the_limit_is_taken_and_a_longer_one_is_not) {
  write("project-runbook.md", std::string(kMaxRunbookBytes, 'x'));
  collect();
  EXPECT_EQ(accepted_.size(), 1u);
  write("project-runbook.md", std::string(kMaxRunbookBytes + 1, 'x'));
  EXPECT_EQ(refusal(), "too_large | project-runbook.md: has 1048577 bytes, at most 1048576 are taken");
}

TEST_F(Artifacts, what_is_no_plain_file_is_refused_without_being_read) {
  write_file(folder_.path() + "/secret.json", R"({"branch":"outside"})");
  fs::create_directories(path(""));
  fs::create_symlink(folder_.path() + "/secret.json", path("branch-name.json"));
  EXPECT_EQ(refusal(), "not_a_file | branch-name.json: is a symbolic link; put the file itself there");
  fs::remove(path("branch-name.json"));
  fs::create_directories(path("pull-request.json"));
  EXPECT_EQ(refusal(), "not_a_file | pull-request.json: is a folder; evidence is files");
  fs::remove(path("pull-request.json"));
  ASSERT_EQ(::mkfifo(path("unit.xml").c_str(), 0600), 0);  // opened for reading it would wait for ever
  EXPECT_EQ(refusal(), "not_a_file | unit.xml: is a device, pipe or socket; evidence is files");
  fs::remove(path("unit.xml"));
  fs::create_hard_link(folder_.path() + "/secret.json", path("branch-name.json"));
  EXPECT_EQ(refusal(), "not_a_file | branch-name.json: has other names elsewhere (hard links); put a copy there");
}

TEST_F(Artifacts, a_device_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may make a device";
  fs::create_directories(path(""));
  if (::mknod(path("unit.xml").c_str(), S_IFCHR | 0600, makedev(1, 5)) != 0) GTEST_SKIP() << "no devices may be made here";
  EXPECT_EQ(refusal(), "not_a_file | unit.xml: is a device, pipe or socket; evidence is files");
}

TEST_F(Artifacts, a_folder_that_is_a_link_leads_nowhere) {
  write_file(folder_.path() + "/elsewhere/session/branch-name.json", R"({"branch":"outside"})");
  fs::create_symlink(folder_.path() + "/elsewhere", folder_.path() + "/.dossier");
  EXPECT_EQ(refusal(), "not_a_folder | .dossier/session: must be a folder, and no link to one");
  fs::remove(folder_.path() + "/.dossier");
  fs::create_directories(folder_.path() + "/.dossier");
  fs::create_symlink(folder_.path() + "/elsewhere/session", folder_.path() + "/.dossier/session");
  collect();
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(Artifacts, only_the_first_files_by_name_are_taken_and_the_rest_is_told_of) {
  for (std::size_t i = 0; i < kMaxFiles; ++i) write("r" + std::to_string(100 + i) + ".xml", "<testsuite/>");
  collect();
  EXPECT_EQ(accepted_.size(), kMaxFiles);
  EXPECT_TRUE(rejected_.empty());
  write("z.xml", "<testsuite/>");
  EXPECT_EQ(refusal(), "too_many_files | .dossier/session: holds 65 files; the first 64 by name are taken");
}

TEST_F(Artifacts, the_next_turn_tells_only_what_is_new) {
  write("branch-name.json", R"({"branch":"one"})");
  write("notes.txt", "x");
  collect();
  EXPECT_EQ(accepted_.size() + rejected_.size(), 2u);
  collect();
  EXPECT_EQ(accepted_.size() + rejected_.size(), 0u);
  write("branch-name.json", R"({"branch":"two"})");
  collect();
  ASSERT_EQ(accepted_.size(), 1u);
  EXPECT_TRUE(rejected_.empty());
  write("branch-name.json", "{}");
  EXPECT_EQ(refusal(), "missing_field | branch-name.json: branch is required");
}

TEST_F(Artifacts, secrets_are_masked_in_what_leaves_and_the_file_stays) {
  const std::string text = R"({"title":"use hunter2-correct-horse","body":"ghp_0123456789abcdefghijABCDEFGHIJ012345"})";
  write("pull-request.json", text);
  collect();
  ASSERT_EQ(accepted_.size(), 1u);
  EXPECT_EQ(accepted_[0].content, R"({"title":"use ***","body":"***"})");
  EXPECT_EQ(accepted_[0].sha256_hex, to_hex(crypto::view(crypto::sha256(accepted_[0].content))));
  EXPECT_EQ(accepted_[0].masked, 2u);
  EXPECT_EQ(test::read_file(path("pull-request.json")), text);
  write("branch-name.json", R"({"branch":"hunter2-correct-horse"})");
  EXPECT_EQ(refusal(), "masked | branch-name.json: holds a secret whose masking leaves nothing valid; take it out");
}

TEST_F(Artifacts, the_folder_is_no_part_of_the_captured_source) {
  const test::GitRepository source(folder_.path() + "/source");
  WorkdirStore store(folder_.path() + "/workroot", std::nullopt);
  ASSERT_TRUE(store.repair());
  WorkdirRequest request;
  request.session_id = "ses_1";
  request.issue_title = "evidence";
  request.source.set_local_path(source.path());
  const auto workdir = store.prepare(request, [] { return false; });
  ASSERT_TRUE(workdir) << workdir.error().message;
  write_file(workdir->path + "/.dossier/session/notes.txt", "no source");
  write_file(workdir->path + "/.dossier/config", "source");
  write_file(workdir->path + "/deeper/.dossier/session/a.txt", "source");
  EXPECT_EQ(test::run_git(workdir->path, "status --porcelain -uall"), "?? .dossier/config\n?? deeper/.dossier/session/a.txt");
  const auto captured = store.capture(*workdir, "work", {"a", "a@b.invalid", 1}, [](std::string_view) { return true; });
  ASSERT_TRUE(captured) << captured.error().message;
  std::string files;
  for (const auto& file : captured->files) files += file.path + "\n";
  EXPECT_EQ(files, ".dossier/config\ndeeper/.dossier/session/a.txt\n");
}

TEST(Junit, counts_cases_at_any_depth_and_each_once) {
  const auto counts = read_junit(R"(<testsuites tests="99"><testsuite><testsuite><testcase/><testcase><error/><failure/></testcase></testsuite>
    <testcase><skipped message="later"/></testcase></testsuite><testsuite><testcase><failure/><failure/></testcase></testsuite></testsuites>)");
  ASSERT_TRUE(counts);
  EXPECT_EQ(*counts, (TestCounts{4, 1, 1, 1}));
}

TEST(Junit, believes_the_attributes_where_no_cases_are_listed) {
  EXPECT_EQ(*read_junit(R"(<testsuites tests="9" failures="2" errors="1" skipped="3"/>)"), (TestCounts{9, 2, 1, 3}));
  EXPECT_EQ(*read_junit(R"(<testsuites><testsuite tests="4" failures="1"/><testsuite tests="5" errors="2"/></testsuites>)"),
            (TestCounts{9, 1, 2, 0}));
  EXPECT_EQ(*read_junit("<testsuite/>"), (TestCounts{}));
  const auto wrong = read_junit(R"(<testsuite tests="many"/>)");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "the attribute tests of <testsuite> must be a number of tests");
}

TEST(Junit, entities_of_the_documents_own_grow_into_nothing) {
  const auto counts = read_junit(R"(<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
    <testsuite name="&b;&f;"><testcase name="&b;"/></testsuite>)");
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(*counts, (TestCounts{1, 0, 0, 0}));
}

TEST(Junit, a_report_that_is_nested_without_end_is_refused) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<testsuite>";
  for (int i = 0; i < 100'000; ++i) deep += "</testsuite>";
  const auto counts = read_junit(deep);
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().code, Code::corrupt);
}

TEST(BranchName, is_what_git_takes) {
  for (const char* good : {"main", "feature/parser", "a-b_c.d", "ünïcode", "x/@y"}) EXPECT_TRUE(is_branch_name(good)) << good;
  for (const char* bad : {"",    "-x",  "/x",  "x/",  "x.",   ".x",   "a/.b", "a..b", "a//b",   "a b",      "a~b",   "a^b",
                          "a:b", "a?b", "a*b", "a[b", "a\\b", "a@{b", "@",    "HEAD", "a.lock", "a.lock/b", "a\x7f", "a\n"})
    EXPECT_FALSE(is_branch_name(bad)) << bad;
  EXPECT_TRUE(is_branch_name(std::string(200, 'a')));
  EXPECT_FALSE(is_branch_name(std::string(201, 'a')));
}

}  // namespace
}  // namespace dossier::worker::artifacts
