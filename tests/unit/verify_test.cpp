// Verification finds what was changed, and names the first of it.
#include <gtest/gtest.h>

#include "events/codec.hpp"
#include "platform/crypto/crypto.hpp"
#include "replay/activity_verifier.hpp"
#include "replay/verify.hpp"
#include "tests/support/sample_log.hpp"

namespace dossier::replay {
namespace {

using test::SampleLog;

SampleLog told() {
  SampleLog log;
  log.tell_story();
  return log;
}

std::optional<Finding> first_finding(const SampleLog& log, const std::vector<projections::JournalRow>& journal) {
  RecordVerifier verifier(log.workspace(), "dossier.events", log.partition());
  for (std::size_t i = 0; i < log.records().size(); ++i) {
    auto finding = verifier.check(log.records()[i], i < journal.size() ? &journal[i] : nullptr);
    EXPECT_TRUE(finding);
    if (*finding) return *finding;
  }
  return std::nullopt;
}

TEST(Verify, finds_nothing_where_nothing_was_changed) {
  const auto log = told();
  const auto finding = first_finding(log, log.journal());
  EXPECT_FALSE(finding) << finding->what;
}

TEST(Verify, finds_nothing_where_the_journal_is_only_behind) {
  const auto log = told();
  auto journal = log.journal();
  journal.resize(5);
  EXPECT_FALSE(first_finding(log, journal));
}

// Every byte of the log and of the journal, one at a time: whatever is changed, that record is named.
TEST(Verify, names_the_record_whatever_byte_of_either_copy_was_changed) {
  const auto log = told();
  const auto journal = log.journal();
  for (std::size_t i = 0; i < journal.size(); ++i)
    for (std::size_t at = 0; at < journal[i].value.size(); at += 7) {
      auto changed_log = told();
      changed_log.records()[i].value[at] = static_cast<char>(changed_log.records()[i].value[at] ^ 1);
      RecordVerifier verifier(log.workspace(), "dossier.events", log.partition());
      std::int64_t named = -1;
      for (std::size_t n = 0; n <= i && named < 0; ++n) {
        auto finding = verifier.check(changed_log.records()[n], &journal[n]);
        // An envelope of a version that does not exist yet stops the reader with an error instead.
        if (!finding)
          named = finding.error().code == Code::upgrade_required ? static_cast<std::int64_t>(n) : -2;
        else if (*finding)
          named = (*finding)->offset;
      }
      EXPECT_EQ(named, static_cast<std::int64_t>(i)) << "log, byte " << at;

      auto changed_journal = journal;
      changed_journal[i].value[at] = static_cast<char>(changed_journal[i].value[at] ^ 1);
      const auto finding = first_finding(log, changed_journal);
      ASSERT_TRUE(finding) << "journal, record " << i << ", byte " << at;
      EXPECT_EQ(finding->offset, static_cast<std::int64_t>(i)) << "journal, byte " << at;
      EXPECT_NE(finding->what.find("from byte " + std::to_string(at)), std::string::npos) << finding->what;
    }
}

TEST(Verify, says_which_copy_the_chain_vouches_for) {
  const auto log = told();
  auto journal = log.journal();
  journal[4].value[30] = static_cast<char>(journal[4].value[30] ^ 1);
  EXPECT_NE(first_finding(log, journal)->what.find("the journal's copy was changed"), std::string::npos);
  auto changed = told();
  auto& value = changed.records()[4].value;
  value[value.find("Greet by")] = 'g';
  EXPECT_NE(first_finding(changed, log.journal())->what.find("the log was changed"), std::string::npos);
}

TEST(Verify, compares_every_column_that_the_ledger_gives) {
  const auto log = told();
  const auto journal = log.journal();
  const auto finding_of = [&](auto change) {
    auto changed = journal;
    change(changed[4]);
    const auto finding = first_finding(log, changed);
    return finding ? std::to_string(finding->offset) + " " + finding->what.substr(0, finding->what.find(" is ")) : std::string("none");
  };
  EXPECT_EQ(finding_of([](auto& row) { row.verdict = events::Verdict::void_conflict; }), "4 its verdict");
  EXPECT_EQ(finding_of([](auto& row) { row.seq += 1; }), "4 its seq");
  EXPECT_EQ(finding_of([](auto& row) { row.time_us += 1; }), "4 its time");
  EXPECT_EQ(finding_of([](auto& row) { row.chain[0] ^= 1; }), "4 its chain");
  EXPECT_EQ(finding_of([](auto& row) { row.commit_id[5] = 'x'; }), "4 its commit id");
  EXPECT_EQ(finding_of([](auto& row) { row.workspace[5] = 'x'; }), "4 its workspace");
}

TEST(Verify, names_a_record_that_one_of_them_lacks) {
  const auto log = told();
  auto journal = log.journal();
  journal.erase(journal.begin() + 6);
  auto finding = first_finding(log, journal);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->offset, 6);
  EXPECT_EQ(finding->what, "the journal has no row for it");
  auto cut = told();
  cut.records().erase(cut.records().begin() + 6);
  finding = first_finding(cut, log.journal());
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->what, "the journal has a row for offset 6, which the log lacks");
}

struct ActivityCase {
  ActivityCase() : log(told()), records(log.activity()), verifier(log.issue) { learn(); }
  void learn() {
    for (const auto& record : log.records()) {
      const auto envelope = events::decode(record.value);
      if (envelope.decoded && envelope.record.has_commit() && envelope.record.commit().workspace_id() == log.workspace().str())
        verifier.learn(envelope.record.commit());
    }
  }
  std::string first_finding() {
    for (const auto& record : records)
      if (auto finding = verifier.check(record)) return finding->what.substr(finding->what.find(": ") + 2);
    if (auto finding = verifier.finish({})) return finding->what.substr(finding->what.find(": ") + 2);
    return "none";
  }
  ActivityVerifier::Block block_of(std::size_t i) {
    v1::SignedActivity message;
    v1::ActivityRecord body;
    EXPECT_TRUE(message.ParseFromString(records[i].value) && body.ParseFromString(message.body()));
    return {
        log.session,   2, body.first_sequence(), records[i].partition, records[i].offset, std::string(crypto::view(crypto::sha256(records[i].value))),
        message.body()};
  }
  void resign(std::size_t i, const v1::ActivityRecord& body, const std::string& key) {
    v1::SignedActivity message;
    message.set_body(body.SerializeAsString());
    message.set_signature(crypto::sign(key, signed_activity_bytes(message.body())));
    records[i].value = message.SerializeAsString();
  }
  v1::ActivityRecord body_of(std::size_t i) {
    v1::SignedActivity message;
    v1::ActivityRecord body;
    EXPECT_TRUE(message.ParseFromString(records[i].value) && body.ParseFromString(message.body()));
    return body;
  }

  SampleLog log;
  std::vector<topic::Record> records;
  ActivityVerifier verifier;
};

TEST(VerifyActivity, accepts_what_is_signed_chained_and_stored) {
  ActivityCase c;
  for (const auto& record : c.records) ASSERT_FALSE(c.verifier.check(record));
  ASSERT_FALSE(c.verifier.check(c.records[1]));  // the same again
  for (std::size_t i = 0; i < 2; ++i) EXPECT_FALSE(c.verifier.check(c.block_of(i), "dossier.activity", 0));
  EXPECT_FALSE(c.verifier.finish({{c.records[0].partition, 2}}));
  EXPECT_EQ(c.verifier.records(), 2u);
}

TEST(VerifyActivity, finds_words_that_the_worker_did_not_sign) {
  ActivityCase c;
  const auto at = c.records[0].value.find("looking");
  c.records[0].value[at] = 'L';
  EXPECT_EQ(c.first_finding(), "it is not signed by worker " + c.log.worker);
}

TEST(VerifyActivity, finds_a_record_in_another_s_place) {
  ActivityCase c;
  auto body = c.body_of(0);
  body.mutable_events(0)->mutable_log_line()->mutable_text()->set_plain("rewritten by the worker itself");
  c.resign(0, body, c.log.worker_key.secret_key);
  EXPECT_EQ(c.first_finding(), "it does not name the hash of the record before it");
}

TEST(VerifyActivity, finds_lines_that_are_missing) {
  ActivityCase c;
  c.records.erase(c.records.begin());
  EXPECT_EQ(c.first_finding(), "the lines from 1 on are missing before it");
  ActivityCase tail;
  tail.records.pop_back();
  ASSERT_FALSE(tail.verifier.check(tail.records[0]));
  ASSERT_FALSE(tail.verifier.check(tail.block_of(0), "dossier.activity", 0));
  EXPECT_NE(tail.verifier.finish({})->what.find("were sealed and are missing"), std::string::npos);
}

TEST(VerifyActivity, accepts_records_in_any_order_and_names_a_seal_that_says_otherwise) {
  ActivityCase c;
  std::swap(c.records[0], c.records[1]);
  EXPECT_EQ(c.first_finding(), "none");
  v1::Commit commit;
  v1::EventPayload payload;
  auto& seal = *payload.mutable_issue()->mutable_activity_sealed();
  seal.set_session_id(c.log.session);
  seal.set_offer(2);
  seal.set_last_sequence(4);
  seal.set_root(std::string(crypto::view(crypto::sha256(c.records[0].value))));
  *commit.add_events() = events::make_event("issue/" + c.log.issue.str(), c.log.issue.str(), payload);
  c.verifier.learn(commit);
  EXPECT_FALSE(c.verifier.finish({}));
  seal.set_root(std::string(32, 'x'));
  *commit.mutable_events(0) = events::make_event("issue/" + c.log.issue.str(), c.log.issue.str(), payload);
  c.verifier.learn(commit);
  EXPECT_NE(c.verifier.finish({})->what.find("its hash is not the root that was sealed"), std::string::npos);
}

TEST(VerifyActivity, passes_over_workers_without_the_claim) {
  ActivityCase c;
  auto body = c.body_of(0);
  body.set_worker_id("wkr_" + std::string(32, 'f'));
  auto foreign = c.records[0];
  c.resign(0, body, c.log.worker_key.secret_key);
  EXPECT_FALSE(c.verifier.check(c.records[0]));
  EXPECT_EQ(c.verifier.foreign(), 1u);
  EXPECT_FALSE(c.verifier.check(foreign));
}

TEST(VerifyActivity, finds_what_the_database_changed_lost_or_made_up) {
  ActivityCase c;
  for (const auto& record : c.records) ASSERT_FALSE(c.verifier.check(record));
  auto changed = c.block_of(0);
  changed.body[changed.body.size() - 1] ^= 1;
  EXPECT_NE(c.verifier.check(changed, "dossier.activity", 0)->what.find("its body in the database differs"), std::string::npos);
  auto made_up = c.block_of(1);
  made_up.first_sequence = 9;
  made_up.offset = 7;
  EXPECT_NE(c.verifier.check(made_up, "dossier.activity", 0)->what.find("the database has it and the log has not"), std::string::npos);
  EXPECT_FALSE(c.verifier.check(made_up, "dossier.activity", 8));  // the topic keeps nothing that old
  EXPECT_FALSE(c.verifier.check(c.block_of(0), "dossier.activity", 0));
  EXPECT_NE(c.verifier.finish({{c.records[1].partition, 2}})->what.find("the database lacks it"), std::string::npos);
  EXPECT_FALSE(c.verifier.finish({{c.records[1].partition, 1}}));  // the server has not read so far
}

}  // namespace
}  // namespace dossier::replay
