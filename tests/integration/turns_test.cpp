// A session of several turns on a real Kafka and PostgreSQL: scheduler, intake and projector in this process, and a worker
// that speaks the protocol's messages over the broker.
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/thread_pool.hpp"
#include "base/waker.hpp"
#include "events/names.hpp"
#include "platform/kafka/admin.hpp"
#include "platform/kafka/kafka.hpp"
#include "producers/command_runner.hpp"
#include "producers/commands/identity.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/session.hpp"
#include "producers/commands/worker.hpp"
#include "producers/commands/workspace.hpp"
#include "producers/intake.hpp"
#include "producers/postgres_dispatch_store.hpp"
#include "producers/postgres_intake_store.hpp"
#include "producers/postgres_state_store.hpp"
#include "producers/postgres_verdict_source.hpp"
#include "producers/report_check.hpp"
#include "producers/scheduler.hpp"
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

constexpr std::int64_t kPatienceMs = 60'000;
const WorkspaceId kWorkspace("ws_" + std::string(32, '8'));
const std::string kOwner = "usr_" + std::string(32, 'a');

// A loop on a thread of its own.
class Looping {
 public:
  explicit Looping(std::function<void()> step)
      : thread_([this, step = std::move(step)] {
          while (!stop_.load()) step();
        }) {}
  ~Looping() {
    stop_.store(true);
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class TurnsOnRealClusters : public ::testing::Test {
 protected:
  void SetUp() override {
    clusters_ = test::Clusters::shared();
    database_ = test::TestDatabase::create(false, clusters_.database_url);
    topics_ = events::Topics{"t" + std::to_string(::getpid()) + "-turns"};
    if (!clusters_.grant_command.empty()) {
      const auto granted = test::run_command({"/bin/sh", "-c", clusters_.grant_command + " " + topics_.prefix}, {}, folder_.path());
      ASSERT_EQ(granted.exit_code, 0) << granted.err;
    }
    cluster_ = kafka::load_cluster("", clusters_.server_kafka_properties).value();
    identity_ = initialise(cluster_, database_->url(), topics_, projections::code_digest(), clock_).value();
    admin_ = kafka::Admin::make(cluster_).value();
    ASSERT_TRUE(make_pool_topics(*admin_, topics_, kWorkspace.str(), 1));
    start_server();
    found_workspace();
  }
  void TearDown() override {
    loops_.clear();
    runner_->stop(10'000);
    commits_->flush(5'000);
    messages_->flush(5'000);
    executor_.stop();
  }

  void start_server() {
    pool_ = std::make_unique<postgres::Pool>(postgres::PoolOptions{.connection = {.url = database_->url()}, .size = 8});
    states_ = std::make_unique<PostgresStateStore>(*pool_);
    dispatch_ = std::make_unique<PostgresDispatchStore>(*pool_);
    intake_store_ = std::make_unique<PostgresIntakeStore>(*pool_);
    commits_ = kafka::make_writer(cluster_, kafka::WriterKind::commits).value();
    messages_ = kafka::make_writer(cluster_, kafka::WriterKind::messages).value();
    board_ = std::make_unique<VerdictBoard>(identity_.partitions, clock_);
    log_ = std::make_unique<CommitLog>(*commits_, topics_, identity_, [this](std::int32_t partition) { return board_->history(partition); });
    runner_ = std::make_unique<CommandRunner>(*states_, *log_, *board_, nullptr, executor_, clock_);
    control_ = std::make_unique<ControlSender>(*messages_, topics_, clock_);
    verdicts_ = std::make_unique<PostgresVerdictSource>(*pool_);
    poller_ = std::make_unique<VerdictPoller>(*board_, *verdicts_, clock_);
    scheduler_ = std::make_unique<Scheduler>(*dispatch_, *runner_, *control_, clock_, [this] { rest_.wake(); });
    reports_reader_ = kafka::make_reader(cluster_).value();
    intake_ = std::make_unique<Intake>(
        Intake::Ports{*reports_reader_, *messages_, *states_, *intake_store_, *dispatch_, *runner_, *control_, executor_, clock_}, topics_,
        identity_.partitions, [this] { rest_.wake(); });
    std::vector<std::int32_t> all;
    all.reserve(static_cast<std::size_t>(identity_.partitions));
    for (std::int32_t p = 0; p < identity_.partitions; ++p) all.push_back(p);
    ASSERT_TRUE(intake_->own(all));
    events_reader_ = kafka::make_reader(cluster_).value();
    projections_ = std::make_unique<projections::PostgresStore>(projections::PostgresStoreOptions{.url = database_->url()});
    projector_ = std::make_unique<projections::Projector>(
        projections::ProjectorOptions{.log = {topics_.events(), identity_.log_id, identity_.partitions}, .memory = {}}, *events_reader_,
        *projections_, projections::registry(), clock_);
    projector_->assign(all);
    loops_.push_back(std::make_unique<Looping>([this] { projector_->step(50); }));
    loops_.push_back(std::make_unique<Looping>([this] {
      const auto nap = poller_->step();
      poll_rest_.wait(nap ? *nap : 20'000);
    }));
    loops_.push_back(std::make_unique<Looping>([this] { (void)intake_->step(50); }));
    loops_.push_back(std::make_unique<Looping>([this] {
      (void)scheduler_->step();
      rest_.wait(20'000);
    }));
    ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return board_->history(log_->partition_of(kWorkspace)) != 0; }));
  }

  CommitId must(Decide decide) {
    Command command;
    command.context.workspace = kWorkspace;
    command.context.commit_id = events::derive_commit_id(kWorkspace, "test", "test", std::to_string(++keys_));
    command.context.fingerprint = std::string(32, 'f');
    command.context.actor.set_kind(v1::Actor::USER);
    command.context.actor.set_id(kOwner);
    command.decide = std::move(decide);
    const auto done = runner_->run_and_wait(std::move(command));
    EXPECT_TRUE(done.has_value()) << done.error().message;
    return done ? done->commit.id : CommitId();
  }

  void found_workspace() {
    v1::WorkspaceCreated created;
    created.set_workspace_id(kWorkspace.str());
    created.set_slug("office");
    created.set_owner_id(kOwner);
    must(commands::create_workspace(created));
    const SecretId token("sec_" + std::string(32, 'b'));
    must(commands::issue_worker_token(token, "msw_abc", "token"));
    commands::CreateProject create;
    create.name = "repository";
    create.source.set_git_url("https://example.org/repository.git");
    const auto project = events::derive_id<ProjectId>(must(commands::create_project(create)));
    v1::AgentProfileDefined agent;
    agent.set_name("fixer");
    agent.set_provider("command");
    agent.set_enabled(true);
    must(commands::define_agent(agent));
    issue_ = events::derive_id<IssueId>(must(commands::open_issue({.title = "t", .body = {}, .project = project})));
    v1::WorkerRegistered registered;
    registered.mutable_name()->set_plain("worker");
    registered.set_mode("local");
    registered.add_capabilities()->set_name("command");
    registered.mutable_capabilities(0)->set_value("true");
    registered.set_public_key(keys_of_worker_.public_key);
    registered.set_token_secret_id(token.str());
    registered.set_slots(1);
    must(commands::register_worker(registered));
    worker_ = commands::worker_id_of(kWorkspace, keys_of_worker_.public_key);
    reports_ = kafka::make_writer(cluster_, kafka::WriterKind::messages).value();
    heard_ = kafka::make_reader(cluster_).value();
    std::vector<topic::Position> from{{topics_.control(kWorkspace.str()), 0, 0}};
    for (std::int32_t p = 0; p < kMinTaskPartitions; ++p) from.push_back({topics_.tasks(kWorkspace.str()), p, 0});
    ASSERT_TRUE(heard_->assign(from));
    ASSERT_TRUE(test::eventually(kPatienceMs, [&] {
      beat();
      const auto snapshot = states_->snapshot();
      const auto live = snapshot ? (*snapshot)->live_workers(kWorkspace, commands::kWorkerLiveUs) : std::vector<LiveWorker>();
      return live && !live->empty();
    })) << "the worker was not heard of";
  }

  void say(v1::Report report, std::uint64_t sequence) {
    report.set_workspace_id(kWorkspace.str());
    report.set_worker_id(worker_.str());
    report.set_boot_id("boot");
    report.set_sequence(sequence);
    v1::SignedReport outer;
    outer.set_body(report.SerializeAsString());
    outer.set_signature(crypto::sign(keys_of_worker_.secret_key, signed_bytes(kReportDomain, outer.body())));
    send(outer.SerializeAsString());
    if (sequence > 0) last_ = outer.SerializeAsString();
  }
  // A worker that lives says so, and what it runs.
  void beat() {
    if (clock_.boot_us() - beat_us_ < 1'000'000) return;
    beat_us_ = clock_.boot_us();
    v1::Report report;
    report.mutable_heartbeat()->set_free_slots(1);
    report.mutable_heartbeat()->add_partitions(0);
    if (sequence_ > 0) *report.mutable_heartbeat()->add_running() = fence_;
    say(report, 0);
  }
  void send(const std::string& value) {
    topic::Outgoing record;
    record.topic = topics_.reports();
    record.partition = events::partition_of(kWorkspace.str(), identity_.partitions);
    record.key = kWorkspace.str();
    record.value = value;
    reports_->append(std::move(record), [](const topic::Appended&) {});
  }
  void report(const v1::TaskOffer& offer, const std::function<void(v1::Report&)>& fill) {
    fence_.set_task_id(offer.task_id());
    fence_.set_offer(offer.offer());
    v1::Report made;
    *made.mutable_fence() = fence_;
    fill(made);
    say(made, ++sequence_);
  }

  void listen() {
    beat();
    const auto polled = heard_->poll({.max_records = 100, .max_bytes = 1u << 20, .wait_ms = 50, .linger_us = 0});
    if (!polled) return;
    for (const auto& record : polled->records) {
      if (record.topic == topics_.control(kWorkspace.str())) {
        told_.emplace_back().ParseFromString(record.value);
        if (told_.back().has_offer()) offers_.push_back(told_.back().offer());
      } else {
        offers_.emplace_back().ParseFromString(record.value);
      }
    }
  }
  // The offer of this task; repeats are passed over.
  v1::TaskOffer offer_of(const TaskId& task) {
    v1::TaskOffer found;
    EXPECT_TRUE(test::eventually(kPatienceMs,
                                 [&] {
                                   listen();
                                   for (const auto& offer : offers_)
                                     if (offer.task_id() == task.str()) found = offer;
                                   return !found.task_id().empty();
                                 }))
        << "no offer of " << task.str();
    return found;
  }
  // Messages of this kind, once there are so many.
  std::vector<v1::ControlMessage> told(v1::ControlMessage::MessageCase kind, std::size_t count) {
    std::vector<v1::ControlMessage> found;
    EXPECT_TRUE(test::eventually(kPatienceMs,
                                 [&] {
                                   listen();
                                   found.clear();
                                   for (const auto& message : told_)
                                     if (message.message_case() == kind) found.push_back(message);
                                   return found.size() >= count;
                                 }))
        << "not told " << static_cast<int>(kind);
    return found;
  }

  test::Clusters clusters_;
  test::TemporaryFolder folder_{"turns"};
  std::unique_ptr<test::TestDatabase> database_;
  events::Topics topics_;
  SystemClock clock_;
  kafka::Cluster cluster_;
  LogIdentity identity_;
  std::unique_ptr<kafka::Admin> admin_;
  ThreadPool executor_{4, 1'000};
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<PostgresStateStore> states_;
  std::unique_ptr<PostgresDispatchStore> dispatch_;
  std::unique_ptr<PostgresIntakeStore> intake_store_;
  std::unique_ptr<topic::Writer> commits_, messages_, reports_;
  std::unique_ptr<VerdictBoard> board_;
  std::unique_ptr<CommitLog> log_;
  std::unique_ptr<CommandRunner> runner_;
  std::unique_ptr<ControlSender> control_;
  std::unique_ptr<PostgresVerdictSource> verdicts_;
  std::unique_ptr<VerdictPoller> poller_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<topic::Reader> reports_reader_, events_reader_, heard_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<projections::PostgresStore> projections_;
  std::unique_ptr<projections::Projector> projector_;
  Waker rest_, poll_rest_;
  std::vector<std::unique_ptr<Looping>> loops_;
  int keys_ = 0;
  const crypto::KeyPair keys_of_worker_ = crypto::make_key_pair();
  IssueId issue_;
  WorkerId worker_;
  std::uint64_t sequence_ = 0;
  std::string last_;  // report
  v1::Fence fence_;
  std::int64_t beat_us_ = -1'000'000;
  std::vector<v1::ControlMessage> told_;
  std::vector<v1::TaskOffer> offers_;
};

TEST_F(TurnsOnRealClusters, ASessionGoesOnWhilePeopleSpeakAndThenContinuesInTheNext) {
  using Control = v1::ControlMessage;
  const CommitId asked = must(commands::add_comment({issue_, "@fixer please"}));
  const auto session = events::derive_id<SessionId>(asked);
  const v1::TaskOffer offer = offer_of(events::derive_id<TaskId>(asked));
  EXPECT_FALSE(offer.has_resume());
  report(offer, [](v1::Report& r) { r.mutable_claim(); });
  told(Control::kGranted, 1);
  report(offer, [](v1::Report& r) { r.mutable_run_started()->set_provider_session("thread-1"); });
  report(offer, [](v1::Report& r) { r.mutable_turn_began()->set_turn(1); });

  // One is steered into the turn, two wait for the next.
  const auto steered = events::derive_id<FollowUpId>(must(commands::add_comment({issue_, "mind the tests"})));
  must(commands::add_comment({issue_, "and this"}));
  must(commands::add_follow_up(session, "and that"));
  must(commands::steer_follow_up(session, steered));
  EXPECT_EQ(told(Control::kSteerRun, 1)[0].steer_run().input().follow_up_id(), steered.str());
  report(offer, [&](v1::Report& r) {
    r.mutable_follow_up_steered()->set_follow_up_id(steered.str());
    r.mutable_follow_up_steered()->set_turn(1);
  });
  report(offer, [](v1::Report& r) { r.mutable_turn_ended()->set_turn(1); });
  const v1::NextTurn next = told(Control::kNextTurn, 1)[0].next_turn();
  EXPECT_EQ(next.turn(), 2u);
  ASSERT_EQ(next.inputs_size(), 2);
  EXPECT_EQ(next.inputs(0).body().plain(), "and this");
  EXPECT_EQ(next.inputs(1).body().plain(), "and that");
  send(last_);  // the worker did not hear it
  EXPECT_EQ(told(Control::kNextTurn, 2)[1].next_turn().SerializeAsString(), next.SerializeAsString());

  report(offer, [](v1::Report& r) { r.mutable_turn_began()->set_turn(2); });
  report(offer, [](v1::Report& r) { r.mutable_turn_ended()->set_turn(2); });
  EXPECT_EQ(told(Control::kFinishRun, 1)[0].finish_run().turn(), 2u);
  must(commands::add_comment({issue_, "one more thing"}));
  report(offer, [](v1::Report& r) { r.mutable_run_completed()->mutable_result()->set_plain("done"); });

  v1::TaskOffer continued;
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] {
    listen();
    for (const auto& one : offers_)
      if (one.spec().continues_session_id() == session.str()) continued = one;
    return !continued.task_id().empty();
  }));
  EXPECT_EQ(continued.spec().prompt().plain(), "one more thing");
  EXPECT_EQ(continued.resume().provider_session(), "thread-1");
  EXPECT_EQ(continued.resume().worker_id(), worker_.str());
  const auto rows = pool_->read_one("SELECT body_json, status, turn, steered FROM follow_ups WHERE session_id = $1 ORDER BY first_seq",
                                    postgres::Params().text(session.str()));
  ASSERT_TRUE(rows);
  std::vector<std::string> seen;
  for (const auto row : *rows)
    seen.push_back(row.str(0) + " " + row.str(1) + " " + std::to_string(row.int64(2)) + (row.boolean(3) ? " steered" : ""));
  EXPECT_EQ(seen, (std::vector<std::string>{"\"mind the tests\" delivered 1 steered", "\"and this\" delivered 2", "\"and that\" delivered 2",
                                            "\"one more thing\" delivered 3"}));
}

}  // namespace
}  // namespace dossier::producers
