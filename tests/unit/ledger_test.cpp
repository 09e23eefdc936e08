// The ledger's rules, one verdict at a time.
#include "events/ledger.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"

namespace dossier::events {
namespace {

const std::string kLog(32, 'a');
const std::string kWorkspace = "ws_" + std::string(32, '1');
constexpr std::int32_t kPartitions = 12;

std::string commit_id(int n) {
  std::string hex = std::to_string(n);
  return "cmm_" + std::string(32 - hex.size(), '0') + hex;
}

// One partition read from its Genesis on.
class Ledger : public ::testing::Test {
 protected:
  void SetUp() override {
    head_.partition = partition_of(kWorkspace, kPartitions);
    ASSERT_EQ(read(make_genesis(kLog, kPartitions, head_.partition, 1)).verdict, Verdict::control);
  }
  Judgement read_bytes(const std::string& value) {
    auto judgement = judge(head_, book_, decode(value), value);
    EXPECT_TRUE(judgement.has_value()) << (judgement ? "" : judgement.error().message);
    return judgement ? *judgement : Judgement{};
  }
  Judgement read(const v1::Record& record) { return read_bytes(encode(record)); }
  Judgement read(const v1::Commit& commit) { return read(make_record(commit)); }

  static v1::Commit commit(int n, std::vector<std::pair<std::string, std::uint64_t>> expects, std::vector<std::string> streams) {
    v1::Commit commit;
    commit.set_commit_id(commit_id(n));
    commit.set_workspace_id(kWorkspace);
    commit.set_history(1);
    commit.set_recorded_at_us(1'000 + n);
    for (const auto& [stream, version] : expects) {
      auto& expect = *commit.add_expects();
      expect.set_stream(stream);
      expect.set_version(version);
    }
    for (const auto& stream : streams) commit.add_events()->set_stream(stream);
    return commit;
  }

  PartitionHead head_;
  Book book_;
};

TEST_F(Ledger, accepts_a_commit_whose_expectations_hold_and_numbers_its_events) {
  const auto first = read(commit(1, {{"task/a", 0}}, {"task/a", "task/a", "issue/b"}));
  EXPECT_EQ(first.verdict, Verdict::accepted);
  EXPECT_EQ(first.seq, 1u);
  EXPECT_EQ(first.versions, (std::vector<std::uint64_t>{1, 2, 1}));
  const auto second = read(commit(2, {{"task/a", 2}}, {"task/a"}));
  EXPECT_EQ(second.verdict, Verdict::accepted);
  EXPECT_EQ(second.seq, 2u);
  EXPECT_EQ(second.versions, (std::vector<std::uint64_t>{3}));
}

TEST_F(Ledger, voids_a_commit_whose_expectation_does_not_hold_and_changes_nothing) {
  read(commit(1, {}, {"task/a"}));
  const auto lost = read(commit(2, {{"task/a", 0}}, {"task/a", "task/b"}));
  EXPECT_EQ(lost.verdict, Verdict::void_conflict);
  EXPECT_EQ(lost.reason, "task/a is at version 1, expected 0");
  EXPECT_EQ(read(commit(3, {{"task/b", 0}, {"task/a", 1}}, {"task/a"})).seq, 2u);
}

TEST_F(Ledger, voids_the_second_copy_of_an_accepted_commit_and_names_the_first) {
  read(commit(1, {}, {"task/a"}));
  read(commit(2, {}, {"task/a"}));
  const auto copy = read(commit(1, {}, {"task/a"}));
  EXPECT_EQ(copy.verdict, Verdict::void_duplicate);
  EXPECT_EQ(copy.seq, 1u);
}

TEST_F(Ledger, lets_a_voided_commit_come_again_under_its_id) {
  EXPECT_EQ(read(commit(1, {{"task/a", 4}}, {"task/a"})).verdict, Verdict::void_conflict);
  EXPECT_EQ(read(commit(1, {{"task/a", 0}}, {"task/a"})).verdict, Verdict::accepted);
}

TEST_F(Ledger, forgets_an_id_exactly_when_it_leaves_the_window) {
  read(commit(1, {}, {"task/a"}));
  auto& workspace = book_.workspace(kWorkspace);
  workspace.head.seq = kDuplicateWindow;  // seq 1 is the oldest of the last 2^20
  EXPECT_EQ(read(commit(1, {}, {"task/a"})).verdict, Verdict::void_duplicate);
  workspace.head.seq = kDuplicateWindow + 1;
  EXPECT_EQ(read(commit(1, {}, {"task/a"})).verdict, Verdict::accepted);
}

TEST_F(Ledger, keeps_time_from_going_back) {
  auto late = commit(1, {}, {"task/a"});
  late.set_recorded_at_us(5'000'000);
  EXPECT_EQ(read(late).time_us, 5'000'000);
  auto early = commit(2, {}, {"task/a"});
  early.set_recorded_at_us(1);
  EXPECT_EQ(read(early).time_us, 5'000'000);
}

TEST_F(Ledger, chains_every_accepted_record_over_its_stored_bytes) {
  const std::string value = encode(make_record(commit(1, {}, {"task/a"})));
  const auto first = read_bytes(value);
  EXPECT_EQ(first.chain, next_chain(first_chain(kLog, kWorkspace, kLedgerVersion), crypto::sha256(value)));
  read(commit(2, {{"task/a", 9}}, {"task/a"}));  // void: the chain stays
  const std::string third = encode(make_record(commit(3, {}, {"task/a"})));
  EXPECT_EQ(read_bytes(third).chain, next_chain(first.chain, crypto::sha256(third)));
}

TEST_F(Ledger, calls_bytes_that_are_no_commit_malformed_and_goes_on) {
  const std::vector<std::string> values = {"", "\xff\xff\xff", std::string(kMaxCommitBytes + 1, 'x')};
  for (const auto& value : values) EXPECT_EQ(read_bytes(value).verdict, Verdict::void_malformed);
  EXPECT_EQ(read(commit(1, {}, {})).verdict, Verdict::void_malformed) << "no events";
  EXPECT_EQ(read(commit(2, {}, {"no-slash"})).verdict, Verdict::void_malformed);
  EXPECT_EQ(read(commit(3, {}, std::vector<std::string>(kMaxCommitEvents + 1, "task/a"))).verdict, Verdict::void_malformed);
  EXPECT_EQ(read(commit(4, {}, std::vector<std::string>(kMaxCommitEvents, "task/a"))).verdict, Verdict::accepted);
  auto stranger = commit(5, {}, {"task/a"});
  stranger.set_workspace_id("ws_" + std::string(32, '3'));
  ASSERT_NE(partition_of(stranger.workspace_id(), kPartitions), head_.partition);
  EXPECT_EQ(read(stranger).verdict, Verdict::void_malformed) << "another partition's workspace";
}

TEST_F(Ledger, refuses_a_commit_that_is_one_byte_too_large_and_takes_the_one_at_the_limit) {
  auto large = commit(1, {}, {"task/a"});
  std::string value;
  std::size_t payload = kMaxCommitBytes - 200;
  do {
    large.mutable_events(0)->set_payload(std::string(payload++, 'p'));
    value = encode(make_record(large));
  } while (value.size() < kMaxCommitBytes);
  ASSERT_EQ(value.size(), kMaxCommitBytes);
  EXPECT_EQ(read_bytes(value).verdict, Verdict::accepted);
  large.set_commit_id(commit_id(2));
  large.mutable_events(0)->set_payload(std::string(payload, 'p'));
  EXPECT_EQ(read(large).verdict, Verdict::void_malformed);
}

// Once read a text that was gone already. Written down from another implementation of SHA-256: every compiler makes this.
TEST_F(Ledger, begins_a_chain_with_the_hash_of_log_workspace_and_version) {
  const crypto::Hash hash = first_chain(kLog, kWorkspace, 1);
  EXPECT_EQ(to_hex(crypto::view(hash)), "5e46431ef026595acadfdff280cc1ad9a565d5bdb9cc9ddd04e30dc282c7dc59");
}

TEST_F(Ledger, voids_a_writer_of_a_history_that_was_repaired_away) {
  v1::Record repaired;
  repaired.set_envelope_version(kEnvelopeVersion);
  repaired.mutable_history_repaired()->set_history(2);
  EXPECT_EQ(read(repaired).verdict, Verdict::control);
  EXPECT_EQ(read(commit(1, {}, {"task/a"})).verdict, Verdict::void_history);
  auto fresh = commit(1, {}, {"task/a"});
  fresh.set_history(2);
  EXPECT_EQ(read(fresh).verdict, Verdict::accepted);
  EXPECT_EQ(read(repaired).verdict, Verdict::void_history) << "a repair comes once";
}

TEST_F(Ledger, stops_at_an_envelope_from_the_future_and_moves_nothing) {
  auto record = make_record(commit(1, {}, {"task/a"}));
  record.set_envelope_version(kEnvelopeVersion + 1);
  const std::string value = encode(record);
  const auto before = head_.next_offset;
  const auto judgement = judge(head_, book_, decode(value), value);
  ASSERT_FALSE(judgement.has_value());
  EXPECT_EQ(judgement.error().code, Code::upgrade_required);
  EXPECT_EQ(head_.next_offset, before);
}

TEST_F(Ledger, takes_a_second_genesis_for_an_attempt) {
  EXPECT_EQ(read(make_genesis(std::string(32, 'b'), kPartitions, head_.partition, 2)).verdict, Verdict::void_malformed);
  EXPECT_EQ(head_.log_id, kLog);
}

TEST(LedgerStart, refuses_a_partition_that_does_not_begin_with_genesis) {
  PartitionHead head;
  Book book;
  const std::string value = "anything";
  const auto judgement = judge(head, book, decode(value), value);
  ASSERT_FALSE(judgement.has_value());
  EXPECT_EQ(judgement.error().code, Code::log_mismatch);
}

TEST(LedgerStart, refuses_a_genesis_of_another_partition) {
  PartitionHead head;
  head.partition = 3;
  Book book;
  const std::string value = encode(make_genesis(kLog, kPartitions, 4, 1));
  const auto judgement = judge(head, book, decode(value), value);
  ASSERT_FALSE(judgement.has_value());
  EXPECT_EQ(judgement.error().code, Code::log_mismatch);
}

TEST_F(Ledger, names_everything_that_judging_reads) {
  const auto wanted = needs(decode(encode(make_record(commit(7, {{"task/b", 1}, {"task/a", 1}}, {"task/a", "issue/c"})))));
  EXPECT_EQ(wanted.workspace, kWorkspace);
  EXPECT_EQ(wanted.commit_id, commit_id(7));
  EXPECT_EQ(wanted.streams, (std::vector<std::string>{"issue/c", "task/a", "task/b"}));
}

}  // namespace
}  // namespace dossier::events
