// Small parts of the worker: its folder and key, offsets, the diff's evidence, its registration.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/daemon.hpp"
#include "worker/offset_tracker.hpp"
#include "worker/registration.hpp"
#include "worker/source_report.hpp"
#include "worker/work_root.hpp"

namespace dossier::worker {
namespace {

std::vector<std::pair<std::int32_t, std::int64_t>> pairs(const std::vector<Commit>& commits) {
  std::vector<std::pair<std::int32_t, std::int64_t>> list;
  list.reserve(commits.size());
  for (const auto& commit : commits) list.emplace_back(commit.partition, commit.offset);
  return list;
}
using Pairs = std::vector<std::pair<std::int32_t, std::int64_t>>;

TEST(OffsetTracker, commits_only_up_to_the_first_offer_whose_answer_is_not_in_the_log) {
  OffsetTracker tracker;
  tracker.read(3, 10, 1);
  tracker.read(3, 11, 0);
  tracker.read(3, 12, 2);
  tracker.read(5, 7, 0);
  EXPECT_EQ(pairs(tracker.take()), (Pairs{{5, 8}}));
  tracker.acknowledged(2);
  EXPECT_EQ(pairs(tracker.take()), Pairs{});
  tracker.acknowledged(1);
  EXPECT_EQ(pairs(tracker.take()), (Pairs{{3, 13}}));
  EXPECT_EQ(pairs(tracker.take()), Pairs{});
}

TEST(OffsetTracker, forgets_partitions_that_moved_on) {
  OffsetTracker tracker;
  tracker.read(3, 10, 1);
  tracker.own({4});
  tracker.acknowledged(1);
  EXPECT_EQ(pairs(tracker.take()), Pairs{});
}

TEST(WorkRoot, keeps_its_key_in_a_file_that_only_its_account_reads) {
  const test::TemporaryFolder folder("work-root");
  std::string first;
  {
    auto root = WorkRoot::open(folder.path() + "/workroot");
    ASSERT_TRUE(root) << root.error().message;
    const auto keys = root->key_pair();
    ASSERT_TRUE(keys) << keys.error().message;
    first = keys->public_key;
    struct stat info{};
    ASSERT_EQ(::stat((folder.path() + "/workroot/worker.key").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  auto again = WorkRoot::open(folder.path() + "/workroot");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key_pair()->public_key, first);
}

TEST(WorkRoot, is_held_by_one_worker_at_a_time) {
  const test::TemporaryFolder folder("work-root");
  auto first = WorkRoot::open(folder.path());
  ASSERT_TRUE(first);
  const auto second = WorkRoot::open(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
}

TEST(WorkRoot, a_damaged_key_is_named_and_not_replaced) {
  const test::TemporaryFolder folder("work-root");
  test::write_file(folder.path() + "/worker.key", "nonsense\n");
  auto root = WorkRoot::open(folder.path());
  ASSERT_TRUE(root);
  const auto keys = root->key_pair();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, Code::corrupt);
  EXPECT_EQ(test::read_file(folder.path() + "/worker.key"), "nonsense\n");
}

TEST(DiffCollector, keeps_a_small_text_inline_up_to_its_limit_in_characters) {
  const test::TemporaryFolder folder("diff");
  DiffCollector diff(folder.path() + "/it.diff");
  std::string half;  // of two bytes each
  for (std::size_t i = 0; i < DiffCollector::kMaxShown / 2; ++i) half += "\xc3\xa9";
  EXPECT_TRUE(diff.add(half));
  EXPECT_TRUE(diff.add(half));
  ASSERT_TRUE(diff.finish());
  EXPECT_TRUE(diff.is_inline());
  EXPECT_EQ(diff.text(), half + half);
  EXPECT_EQ(diff.shown(), half + half);
  EXPECT_EQ(diff.sha256_hex(), to_hex(crypto::view(crypto::sha256(half + half))));
  EXPECT_EQ(test::read_file(diff.file()), "");
}

TEST(DiffCollector, shows_whole_lines_of_a_large_one_and_writes_all_of_it_into_its_file) {
  const test::TemporaryFolder folder("diff");
  for (const std::size_t extra : {1u, 200'000u}) {  // held in memory all the same, and beyond that
    DiffCollector diff(folder.path() + "/it.diff");
    const std::string first(DiffCollector::kMaxShown - 100, 'a'), rest(99 + extra, 'b');
    EXPECT_TRUE(diff.add(first + "\n"));
    EXPECT_TRUE(diff.add(rest));
    EXPECT_TRUE(diff.add("c"));
    ASSERT_TRUE(diff.finish());
    EXPECT_FALSE(diff.is_inline());
    EXPECT_EQ(diff.shown(), first + "\n");
    const std::string whole = std::string(first).append("\n").append(rest).append("c");
    EXPECT_EQ(test::read_file(diff.file()), whole);
    EXPECT_EQ(diff.sha256_hex(), to_hex(crypto::view(crypto::sha256(whole))));
    EXPECT_EQ(diff.size(), whole.size());
  }
}

TEST(DiffCollector, a_line_beyond_the_limit_is_cut_at_a_character) {
  const test::TemporaryFolder folder("diff");
  DiffCollector diff(folder.path() + "/it.diff");
  std::string line;
  for (std::size_t i = 0; i <= DiffCollector::kMaxShown; ++i) line += "\xe2\x82\xac";
  EXPECT_TRUE(diff.add(line));
  ASSERT_TRUE(diff.finish());
  EXPECT_EQ(diff.shown(), line.substr(0, 3 * DiffCollector::kMaxShown));
}

TEST(DiffCollector, bytes_that_are_no_text_go_into_the_file_however_few_they_are) {
  const test::TemporaryFolder folder("diff");
  DiffCollector diff(folder.path() + "/it.diff");
  EXPECT_TRUE(diff.add("+\xff\n"));
  ASSERT_TRUE(diff.finish());
  EXPECT_FALSE(diff.is_inline());
  EXPECT_EQ(test::read_file(diff.file()), "+\xff\n");
  EXPECT_EQ(diff.shown(), "+\xef\xbf\xbd\n");
}

TEST(SourceReport, names_the_blob_where_the_diff_is_not_shown_whole) {
  const test::TemporaryFolder folder("diff");
  Captured captured;
  captured.commit = "c";
  captured.branch = "fix/it";
  captured.tree = "t";
  captured.ahead = 2;
  captured.behind = 1;
  captured.generation = 3;
  for (const bool large : {false, true}) {
    DiffCollector diff(folder.path() + "/it.diff");
    EXPECT_TRUE(diff.add("+line\n" + (large ? std::string(DiffCollector::kMaxShown, 'x') : std::string())));
    ASSERT_TRUE(diff.finish());
    v1::SourceCaptured source;
    set_captured(source, captured, diff);
    EXPECT_EQ(source.diff().plain(), "+line\n");
    EXPECT_EQ(source.has_diff_blob(), large);
    EXPECT_EQ(source.branch() + source.tree(), "fix/itt");
    EXPECT_EQ(source.ahead() + source.behind() + source.generation(), 6u);
  }
}

TEST(SourceReport, lists_the_files_that_fit_and_counts_the_others) {
  std::vector<git::ChangedFile> files(10'000);
  for (auto& file : files) {
    file.path = std::string(100, 'p');
    file.change = "added";
  }
  v1::SourceCaptured source;
  set_files(source, files);
  EXPECT_GT(source.files_size(), 1'000);
  EXPECT_EQ(source.files_size() + source.files_omitted(), files.size());
  EXPECT_LT(source.ByteSizeLong(), 2 * kMaxFilesBytes);
}

const char* const kAnswer = R"({"worker_id":"wkr_1","workspace_id":"ws_1","pool":"ws_1",
  "kafka":{"bootstrap":"127.0.0.1:9092","properties":{"sasl.mechanisms":"PLAIN"}},
  "topics":{"tasks":"d.tasks.ws_1","control":"d.control.ws_1","reports":"d.reports","activity":"d.activity"},
  "partitions":{"reports":12,"activity":12},"seq":3})";

TEST(Registration, is_read_whole) {
  const auto registration = read_registration(kAnswer);
  ASSERT_TRUE(registration) << registration.error().message;
  EXPECT_EQ(registration->worker_id, "wkr_1");
  EXPECT_EQ(registration->control_topic, "d.control.ws_1");
  EXPECT_EQ(registration->activity_partitions, 12);
  ASSERT_EQ(registration->cluster.properties.size(), 1u);
  EXPECT_EQ(registration->cluster.properties[0].second, "PLAIN");
}

TEST(Registration, an_answer_that_lacks_something_is_refused) {
  std::string text = kAnswer;
  text.replace(text.find("d.control.ws_1"), 14, "");
  EXPECT_FALSE(read_registration(text));
  text = kAnswer;
  text.replace(text.find("\"reports\":12"), 12, "\"reports\":0");
  EXPECT_FALSE(read_registration(text));
}

TEST(Registration, a_replys_status_says_whether_to_try_again) {
  const auto code = [](int status) { return error_of_reply({status, {}, "{}"}).code; };
  EXPECT_EQ(code(401), Code::unauthenticated);
  EXPECT_EQ(code(403), Code::forbidden);
  for (const int status : {202, 429, 500, 503}) EXPECT_TRUE(is_transient(code(status))) << status;
  for (const int status : {400, 401, 403, 404, 422}) EXPECT_FALSE(is_transient(code(status))) << status;
  EXPECT_EQ(error_of_reply({401, {}, R"({"detail":"the token was revoked"})"}).message, "HTTP status 401: the token was revoked");
}

TEST(Worker, options_that_can_not_work_are_named_before_anything_starts) {
  WorkerOptions good;
  good.url = "http://127.0.0.1:1";
  good.token = "msw_x";
  good.work_root = "/nowhere";
  StopSignal stop;
  const auto refused = [&](auto change) {
    WorkerOptions options = good;
    change(options);
    const Status status = run_worker(options, stop);
    return !status && status.error().code == Code::usage;
  };
  EXPECT_TRUE(refused([](auto& options) { options.url.clear(); }));
  EXPECT_TRUE(refused([](auto& options) { options.token = "dst_x"; }));
  EXPECT_TRUE(refused([](auto& options) { options.slots = 0; }));
  EXPECT_TRUE(refused([](auto& options) { options.slots = kMaxSlots + 1; }));
  EXPECT_TRUE(refused([](auto& options) { options.work_root.clear(); }));
}

}  // namespace
}  // namespace dossier::worker
