// Two processes that append at once, on a real Kafka and PostgreSQL. One of them is frozen again and again in the middle of
// its work (SIGSTOP) and continued. Whatever they answer must be true: never two accepted claims of one thing, and every
// claim that was answered as accepted stands in the log once.
//
// The second process is this very program, which finds out by its environment that it is to be the other writer.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "base/thread_pool.hpp"
#include "base/waker.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"
#include "producers/command_runner.hpp"
#include "producers/postgres_state_store.hpp"
#include "producers/postgres_verdict_source.hpp"
#include "producers/setup.hpp"
#include "projections/code_version.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::producers {
namespace {

constexpr int kThings = 300;  // that both claim, in the same order
const WorkspaceId kContested("ws_" + std::string(32, '7'));

std::string thing_stream(int thing) {
  const std::string digits = std::to_string(thing);
  return "comment/cmt_" + std::string(32 - digits.size(), '0') + digits;
}

// What a process needs to write: no projector; verdicts come from the database.
class Writer {
 public:
  Writer(const std::string& properties, const std::string& database_url, const std::string& prefix)
      : cluster_(*kafka::load_cluster("", properties)),
        pool_({.connection = {.url = database_url}, .size = 6}),
        states_(pool_),
        writer_(*kafka::make_writer(cluster_, kafka::WriterKind::commits)),
        identity_(*initialise(cluster_, database_url, events::Topics{prefix}, projections::code_digest(), clock_)),
        board_(identity_.partitions, clock_),
        log_(*writer_, events::Topics{prefix}, identity_, [this](std::int32_t partition) { return board_.history(partition); }),
        executor_(4, 1'000),
        runner_(states_, log_, board_, nullptr, executor_, clock_),
        source_(pool_),
        poller_(board_, source_, clock_),
        poll_([this] {
          while (!stop_.load()) {
            const auto nap = poller_.step();
            rest_.wait(nap ? *nap : 20'000);
          }
        }) {}
  ~Writer() {
    runner_.stop(10'000);
    stop_.store(true);
    rest_.wake();
    poll_.join();
    writer_->flush(5'000);
    executor_.stop();
    writer_.reset();
  }

  // Claims a thing unless somebody has it. Nothing: nobody knows (open, undecided).
  std::optional<bool> claim(int thing, const std::string& me) {
    Command command;
    command.context.workspace = kContested;
    command.context.commit_id = events::derive_commit_id(kContested, me, "claim", std::to_string(thing));
    command.context.fingerprint = std::string(32, me.front());
    command.decide = [stream = thing_stream(thing), me](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
      TRY(const StreamState state, snapshot.stream(context.workspace, stream));
      if (state.version != 0) return make_error(Code::already_exists, "claimed");
      v1::EventPayload payload;
      payload.mutable_comment()->mutable_comment_added()->mutable_body()->set_plain(me);
      Decision decision;
      decision.events.push_back(events::make_event(stream, {}, payload));
      decision.expects.emplace_back().set_stream(stream);
      return decision;
    };
    // What may succeed later, unchanged, is tried again under the same key, as every client does.
    for (int round = 0; round < 20; ++round) {
      const auto answer = runner_.run_and_wait(command);
      if (answer) return true;
      if (!is_transient(answer.error().code)) {
        if (answer.error().code != Code::already_exists) ADD_FAILURE() << answer.error().message;
        return false;
      }
    }
    return std::nullopt;
  }
  bool ready() { return board_.history(log_.partition_of(kContested)) != 0; }
  postgres::Pool& pool() { return pool_; }
  const LogIdentity& identity() const { return identity_; }
  const kafka::Cluster& cluster() const { return cluster_; }
  const Clock& clock() const { return clock_; }

 private:
  SystemClock clock_;
  kafka::Cluster cluster_;
  postgres::Pool pool_;
  PostgresStateStore states_;
  std::unique_ptr<topic::Writer> writer_;
  LogIdentity identity_;
  VerdictBoard board_;
  CommitLog log_;
  ThreadPool executor_;
  CommandRunner runner_;
  PostgresVerdictSource source_;
  VerdictPoller poller_;
  std::atomic<bool> stop_{false};
  Waker rest_;
  std::thread poll_;
};

// Projects everything while it lives.
class Projecting {
 public:
  Projecting(Writer& writer, const std::string& database_url, const std::string& prefix)
      : reader_(*kafka::make_reader(writer.cluster())),
        store_(projections::PostgresStoreOptions{.url = database_url}),
        projector_({.log = {events::Topics{prefix}.events(), writer.identity().log_id, writer.identity().partitions}, .memory = {}}, *reader_, store_,
                   projections::registry(), writer.clock()) {
    std::vector<std::int32_t> all;
    all.reserve(static_cast<std::size_t>(writer.identity().partitions));
    for (std::int32_t p = 0; p < writer.identity().partitions; ++p) all.push_back(p);
    projector_.assign(all);
    thread_ = std::thread([this] {
      while (!stop_.load()) projector_.step(50);
    });
  }
  ~Projecting() {
    stop_.store(true);
    thread_.join();
  }

 private:
  std::unique_ptr<topic::Reader> reader_;
  projections::PostgresStore store_;
  projections::Projector projector_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Claims one thing after the other and notes which it got; "?" where nobody could say.
std::set<int> claim_all(Writer& writer, const std::string& me, const std::function<void(int, const std::string&)>& note) {
  std::set<int> mine;
  for (int thing = 0; thing < kThings; ++thing) {
    const auto got = writer.claim(thing, me);
    if (got.value_or(false)) mine.insert(thing);
    note(thing, !got ? "?" : *got ? "yes" : "no");
  }
  return mine;
}

TEST(TwoWriters, a_writer_that_is_frozen_and_continued_never_claims_what_another_has_and_loses_nothing_it_was_given) {
  const auto clusters = test::Clusters::shared();
  const auto database = test::TestDatabase::create(false, clusters.database_url);
  const test::TemporaryFolder folder("two-writers");
  const std::string prefix = "t" + std::to_string(::getpid()) + "-writers";
  if (!clusters.grant_command.empty()) {
    const auto granted = test::run_command({"/bin/sh", "-c", clusters.grant_command + " " + prefix}, {}, folder.path());
    ASSERT_EQ(granted.exit_code, 0) << granted.err;
  }
  Writer writer(clusters.server_kafka_properties, database->url(), prefix);
  Projecting projecting(writer, database->url(), prefix);
  ASSERT_TRUE(test::eventually(20'000, [&] { return writer.ready(); }));

  const std::string answers = folder.path() + "/answers";
  test::Program other({"/proc/self/exe"},
                      {{"DOSSIER_TEST_OTHER_ANSWERS", answers},
                       {"DOSSIER_TEST_OTHER_PROPERTIES", clusters.server_kafka_properties},
                       {"DOSSIER_TEST_OTHER_DATABASE", database->url()},
                       {"DOSSIER_TEST_OTHER_PREFIX", prefix}},
                      folder.path() + "/other.log");
  const auto answered = [&] {
    std::ifstream in(answers);
    return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
  };
  ASSERT_TRUE(test::eventually(30'000, [&] { return answered() > 0 || !other.running(); })) << other.log();

  // Frozen in the middle of whatever it does, each time until this process has got somewhere.
  std::set<int> mine;
  std::atomic<int> progress{0};
  std::thread claiming([&] { mine = claim_all(writer, "one", [&](int thing, const std::string&) { progress.store(thing + 1); }); });
  while (progress.load() < kThings && other.running()) {
    const auto before = answered();
    test::eventually(2'000, [&] { return answered() >= before + 3 || !other.running() || progress.load() >= kThings; });
    other.signal(SIGSTOP);
    const int from = progress.load();
    test::eventually(2'000, [&] { return progress.load() >= std::min(from + 5, kThings); });
    other.signal(SIGCONT);
  }
  claiming.join();
  const auto ended = other.wait(120'000);
  ASSERT_TRUE(ended.has_value());
  ASSERT_EQ(*ended, 0) << other.log();

  std::set<int> its;
  std::ifstream in(answers);
  int thing = 0;
  int unknown = 0;
  for (std::string answer; in >> thing >> answer;) {
    if (answer == "yes") its.insert(thing);
    if (answer == "?") ++unknown;
  }
  EXPECT_FALSE(mine.empty());
  EXPECT_FALSE(its.empty());
  for (const int one : its) EXPECT_FALSE(mine.contains(one)) << "both got thing " << one;

  // Who has each thing, by the log itself.
  const auto rows = writer.pool().read_one("SELECT stream, version FROM streams WHERE workspace = $1", postgres::Params().text(kContested.str()));
  ASSERT_TRUE(rows);
  std::set<std::string> claimed;
  for (const auto row : *rows) {
    EXPECT_EQ(row.int64(1), 1) << row.str(0) << " was claimed twice";
    claimed.insert(row.str(0));
  }
  for (const int one : mine) EXPECT_TRUE(claimed.contains(thing_stream(one)));
  for (const int one : its) EXPECT_TRUE(claimed.contains(thing_stream(one)));
  EXPECT_LE(claimed.size(), mine.size() + its.size() + static_cast<std::size_t>(unknown));
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(kThings));
}

// In the second process: claims, and ends the process before any test.
class OtherProcess final : public ::testing::Environment {
 public:
  void SetUp() override {
    const auto given = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "" : value);
    };
    if (given("DOSSIER_TEST_OTHER_ANSWERS").empty()) return;
    {
      Writer writer(given("DOSSIER_TEST_OTHER_PROPERTIES"), given("DOSSIER_TEST_OTHER_DATABASE"), given("DOSSIER_TEST_OTHER_PREFIX"));
      if (!test::eventually(20'000, [&] { return writer.ready(); })) std::_Exit(1);
      std::ofstream out(given("DOSSIER_TEST_OTHER_ANSWERS"));
      claim_all(writer, "other", [&](int thing, const std::string& answer) { out << thing << ' ' << answer << std::endl; });
    }
    std::_Exit(0);
  }
};
const auto* const kOtherProcess = ::testing::AddGlobalTestEnvironment(new OtherProcess);

}  // namespace
}  // namespace dossier::producers
