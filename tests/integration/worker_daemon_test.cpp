// The worker as it runs, on a real Kafka, with a server which the test plays: what it hears, what it says, in which order.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "base/encoding.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/crypto/crypto.hpp"
#include "platform/json/json.hpp"
#include "platform/kafka/admin.hpp"
#include "platform/process/family.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/raw_server.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/daemon.hpp"

namespace dossier::worker {
namespace {

using test_support::RawConnection;
using test_support::RawServer;

constexpr std::int64_t kPatienceMs = 60'000;
const std::string kWorkspace = "ws_00000000000000000000000000000001";
const std::string kWorker = "wkr_00000000000000000000000000000001";
const std::string kSession = "ses_00000000000000000000000000000001";
const std::string kTask = "tsk_00000000000000000000000000000001";

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

class WorkerDaemon : public ::testing::Test {
 protected:
  WorkerDaemon()
      : cluster_(kafka::load_cluster("", test::Clusters::shared().kafka_properties).value()),
        prefix_("daemon-" + std::to_string(::getpid()) + "-" + std::to_string(++number_)),
        project_(folder_.path() + "/project") {
    const auto admin = kafka::Admin::make(cluster_).value();
    for (const std::string& name : {tasks(), control(), reports(), activity()}) EXPECT_TRUE(admin->create_topic({name, 1, 1, {}}));
    writer_ = kafka::make_writer(cluster_, kafka::WriterKind::messages).value();
    reader_ = kafka::make_reader(cluster_).value();
    EXPECT_TRUE(reader_->assign({{reports(), 0, 0}, {activity(), 0, 0}}));
  }
  ~WorkerDaemon() override {
    if (thread_.joinable()) {
      stop_.request();
      stop_.request();
      thread_.join();
    }
    const auto admin = kafka::Admin::make(cluster_).value();
    for (const std::string& name : {tasks(), control(), reports(), activity()}) (void)admin->delete_topic(name);
  }

  std::string tasks() const { return prefix_ + ".tasks"; }
  std::string control() const { return prefix_ + ".control"; }
  std::string reports() const { return prefix_ + ".reports"; }
  std::string activity() const { return prefix_ + ".activity"; }

  std::string registration() const {
    json::Value::Object properties;
    for (const auto& [name, value] : cluster_.properties) properties.emplace_back(name, value);
    const json::Value kafka(json::Value::Object{{"bootstrap", cluster_.bootstrap}, {"properties", json::Value(std::move(properties))}});
    const json::Value topics(json::Value::Object{{"tasks", tasks()}, {"control", control()}, {"reports", reports()}, {"activity", activity()}});
    const json::Value partitions(json::Value::Object{{"reports", 1}, {"activity", 1}});
    return json::write(json::Value(json::Value::Object{{"worker_id", kWorker},
                                                       {"workspace_id", kWorkspace},
                                                       {"pool", prefix_},
                                                       {"kafka", kafka},
                                                       {"topics", topics},
                                                       {"partitions", partitions},
                                                       {"seq", 1}}));
  }
  RawServer::Script registers() {
    return [this](RawConnection& connection) {
      connection.read_request();
      connection.send(http(201, registration()));
    };
  }
  void start(std::vector<RawServer::Script> scripts, std::uint32_t slots = 1) {
    api_ = std::make_unique<RawServer>(std::move(scripts));
    options_.url = api_->url();
    options_.token = "msw_test";
    options_.name = "tested";
    options_.slots = slots;
    options_.work_root = folder_.path() + "/work";
    options_.capabilities = R"({"codex":false})";
    thread_ = std::thread([this] { ended_ = run_worker(options_, stop_), is_over_ = true; });
    // Its first heartbeat with a partition: it has joined the group.
    ASSERT_TRUE(until([&] { return !heartbeats_.empty() && heartbeats_.back().partitions_size() > 0; })) << "no heartbeat";
  }

  v1::TaskOffer offer(const std::string& script, std::uint32_t number = 1) {
    v1::TaskOffer offer;
    offer.set_workspace_id(kWorkspace);
    offer.set_worker_id(kWorker);
    offer.set_task_id(kTask);
    offer.set_offer(number);
    offer.set_session_id(kSession);
    offer.set_issue_id("iss_00000000000000000000000000000001");
    offer.set_issue_number(4);
    auto* spec = offer.mutable_spec();
    spec->set_provider("command");
    spec->set_agent_name("editor");
    spec->mutable_issue_title()->set_plain("Say more");
    spec->mutable_prompt()->set_plain("please");
    spec->mutable_source()->set_local_path(project_.path());
    for (const char* word : {"/bin/sh", "-c"}) spec->add_command(word);
    spec->add_command(script);
    return offer;
  }
  void append(const std::string& topic, const std::string& value) {
    std::atomic<bool> done{false};
    writer_->append({topic, 0, "", value, {}}, [&](const topic::Appended& appended) {
      EXPECT_EQ(appended.outcome, topic::Outcome::acknowledged);
      done = true;
    });
    ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return done.load(); }));
  }
  v1::ControlMessage message() const {
    v1::ControlMessage message;
    message.set_workspace_id(kWorkspace);
    message.set_worker_id(kWorker);
    return message;
  }
  void say(const v1::ControlMessage& message) { append(control(), message.SerializeAsString()); }
  void grant() {
    auto m = message();
    m.mutable_granted()->set_task_id(kTask);
    m.mutable_granted()->set_offer(1);
    say(m);
  }
  void accept_all() {
    if (reports_.empty()) return;
    auto m = message();
    m.mutable_accepted_through()->set_boot_id(reports_.begin()->second.boot_id());
    m.mutable_accepted_through()->set_sequence(reports_.rbegin()->first);
    say(m);
  }

  // Reads what the worker says until the condition holds. Every signature is checked on the way.
  template <class Condition>
  bool until(Condition condition) {
    return test::eventually(kPatienceMs, [&] {
      const auto polled = reader_->poll({.wait_ms = 50});
      if (polled)
        for (const auto& record : polled->records) take(record);
      return condition();
    });
  }
  void take(const topic::Record& record) {
    v1::SignedReport outer;
    ASSERT_TRUE(outer.ParseFromString(record.value));
    const bool is_report = record.topic == reports();
    ASSERT_TRUE(
        crypto::verify(public_key(), std::string(is_report ? "dossier.reports" : "dossier.activity") + '\0' + outer.body(), outer.signature()));
    if (!is_report) {
      v1::ActivityRecord said;
      ASSERT_TRUE(said.ParseFromString(outer.body()));
      EXPECT_EQ(said.previous_sha256(), activity_root_);
      activity_root_ = std::string(crypto::view(crypto::sha256(record.value)));
      for (const auto& event : said.events())
        if (event.has_log_line()) lines_ += event.log_line().stream() + ": " + event.log_line().text().plain() + "\n";
      activity_last_ = said.first_sequence() + static_cast<std::uint64_t>(said.events_size()) - 1;
      return;
    }
    v1::Report report;
    ASSERT_TRUE(report.ParseFromString(outer.body()));
    if (report.has_heartbeat()) return heartbeats_.push_back(report.heartbeat());
    const auto [known, is_new] = reports_.try_emplace(report.sequence(), report);
    EXPECT_EQ(known->second.SerializeAsString(), report.SerializeAsString()) << (is_new ? "new" : "repeated");
  }
  std::string public_key() {
    const std::string request = api_->requests().at(0);
    const auto body = json::parse(request.substr(request.find("\r\n\r\n") + 4));
    return body ? from_base64url(body->text("public_key")).value_or("") : "";
  }
  bool has(v1::Report::ReportCase kind) const { return find(kind) != nullptr; }
  const v1::Report* find(v1::Report::ReportCase kind) const {
    for (const auto& [sequence, report] : reports_)
      if (report.report_case() == kind) return &report;
    return nullptr;
  }
  std::vector<v1::Report::ReportCase> kinds() const {
    std::vector<v1::Report::ReportCase> kinds;
    for (const auto& [sequence, report] : reports_) kinds.push_back(report.report_case());
    return kinds;
  }
  bool is_running() const { return !process::marked_processes(family()).members.empty(); }
  std::string family() const { return to_hex(crypto::view(crypto::sha256(folder_.path() + "/work"))).substr(0, 16) + ":"; }

  static inline int number_ = 0;
  test::TemporaryFolder folder_{"daemon"};
  kafka::Cluster cluster_;
  std::string prefix_;
  test::GitRepository project_;
  std::unique_ptr<topic::Writer> writer_;
  std::unique_ptr<topic::Reader> reader_;
  std::unique_ptr<RawServer> api_;
  WorkerOptions options_;
  StopSignal stop_;
  Status ended_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;

  std::map<std::uint64_t, v1::Report> reports_;
  std::vector<v1::Heartbeat> heartbeats_;
  std::string lines_, activity_root_;
  std::uint64_t activity_last_ = 0;
};

using Report = v1::Report;
using Kinds = std::vector<Report::ReportCase>;

TEST_F(WorkerDaemon, runs_a_task_from_the_offer_to_its_captured_work) {
  start({registers()});
  append(tasks(), offer("echo started; echo \"$DOSSIER_PROMPT\" >>README.md; echo done").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  EXPECT_FALSE(is_running());
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kRunCompleted) || has(Report::kRunFailed); }));
  EXPECT_EQ(kinds(), (Kinds{Report::kClaim, Report::kRunStarted, Report::kTurnBegan, Report::kTurnEnded, Report::kSource, Report::kRunCompleted}));
  const auto& source = find(Report::kSource)->source();
  EXPECT_EQ(source.base_commit(), project_.git("rev-parse HEAD"));
  EXPECT_NE(source.diff().plain().find("+please"), std::string::npos);
  EXPECT_EQ(source.branch(), "dossier/4-say-more");
  const auto& completed = find(Report::kRunCompleted)->run_completed();
  EXPECT_EQ(completed.result().plain(), "started\ndone");
  EXPECT_EQ(completed.commit(), source.commit());
  ASSERT_TRUE(until([&] { return activity_last_ == completed.last_activity_sequence(); }));
  EXPECT_EQ(activity_root_, completed.activity_root());
  EXPECT_NE(lines_.find("agent: started\nagent: done\n"), std::string::npos) << lines_;
  EXPECT_FALSE(is_running());
}

TEST_F(WorkerDaemon, an_offer_by_the_control_topic_counts_as_well_and_once) {
  start({registers()});
  auto m = message();
  *m.mutable_offer() = offer("true");
  say(m);
  append(tasks(), offer("true").SerializeAsString());
  say(m);
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kRunCompleted); }));
  EXPECT_EQ(std::count_if(reports_.begin(), reports_.end(), [](const auto& entry) { return entry.second.has_claim(); }), 1);
  EXPECT_FALSE(has(Report::kDecline));
}

TEST_F(WorkerDaemon, a_fence_ends_the_agent_and_nothing_more_is_said_of_it) {
  start({registers()});
  append(tasks(), offer("echo running; exec sleep 600").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return lines_.find("agent: running") != std::string::npos; }));
  ASSERT_TRUE(is_running());
  auto m = message();
  m.mutable_fenced()->set_task_id(kTask);
  m.mutable_fenced()->set_offer(1);
  say(m);
  EXPECT_TRUE(test::eventually(kPatienceMs, [&] { return !is_running(); }));
  ASSERT_TRUE(until([&] { return heartbeats_.back().free_slots() == 1; }));
  EXPECT_EQ(kinds(), (Kinds{Report::kClaim, Report::kRunStarted, Report::kTurnBegan}));
}

TEST_F(WorkerDaemon, a_cancelled_run_is_reported_as_cancelled) {
  start({registers()});
  append(tasks(), offer("echo running; exec sleep 600").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return lines_.find("agent: running") != std::string::npos; }));
  auto m = message();
  m.mutable_cancel_run()->set_task_id(kTask);
  m.mutable_cancel_run()->set_offer(1);
  m.mutable_cancel_run()->set_reason("not needed");
  say(m);
  ASSERT_TRUE(until([&] { return has(Report::kRunCancelled); }));
  EXPECT_EQ(find(Report::kRunCancelled)->run_cancelled().reason(), "not needed");
  EXPECT_FALSE(has(Report::kSource));
}

TEST_F(WorkerDaemon, a_large_diff_is_a_blob_that_is_there_before_the_report_names_it) {
  std::string uploaded;
  std::atomic<bool> is_uploaded{false};
  start({registers(), [&](RawConnection& connection) {
           uploaded = connection.read_request();
           is_uploaded = true;
           connection.send(http(201, "{}"));
         }});
  append(tasks(), offer("head -c 100000 /dev/zero | tr '\\0' x >big.txt").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kSource); }));
  EXPECT_TRUE(is_uploaded.load());
  const auto& source = find(Report::kSource)->source();
  EXPECT_FALSE(source.has_diff());
  const std::string body = uploaded.substr(uploaded.find("\r\n\r\n") + 4);
  EXPECT_EQ(source.diff_blob().size(), body.size());
  EXPECT_EQ(source.diff_blob().sha256(), to_hex(crypto::view(crypto::sha256(body))));
  EXPECT_EQ(uploaded.substr(0, uploaded.find(" HTTP")), "PUT /v1/workspaces/" + kWorkspace + "/blobs/" + source.diff_blob().sha256());
}

TEST_F(WorkerDaemon, a_project_that_is_not_there_fails_the_run_for_good) {
  start({registers()});
  auto wrong = offer("true");
  wrong.mutable_spec()->mutable_source()->set_local_path(folder_.path() + "/nowhere");
  append(tasks(), wrong.SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kRunFailed); }));
  const auto& failed = find(Report::kRunFailed)->run_failed();
  EXPECT_EQ(failed.phase(), "workdir");
  EXPECT_EQ(failed.code(), "workdir_failed");
  EXPECT_FALSE(failed.retryable());
}

TEST_F(WorkerDaemon, told_to_stop_it_drains_and_ends) {
  start({registers()});
  const std::string gate = folder_.path() + "/gate";
  append(tasks(), offer("echo running; while [ ! -e " + gate + " ]; do sleep 0.05; done").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return lines_.find("agent: running") != std::string::npos; }));
  stop_.request();
  ASSERT_TRUE(until([&] { return has(Report::kDrainBegan); }));
  EXPECT_FALSE(is_over_.load());
  test::write_file(gate, "");
  ASSERT_TRUE(until([&] { return has(Report::kRunCompleted); }));
  accept_all();
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return is_over_.load(); }));
  EXPECT_TRUE(ended_) << ended_.error().message;
}

TEST_F(WorkerDaemon, asked_twice_to_stop_it_ends_its_agents_and_itself_at_once) {
  start({registers()});
  append(tasks(), offer("echo running; trap '' TERM; while :; do sleep 1; done").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return lines_.find("agent: running") != std::string::npos; }));
  stop_.request();
  stop_.request();
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return is_over_.load(); }));
  EXPECT_FALSE(is_running());
  EXPECT_EQ(ended_.error().code, Code::shutting_down);
}

TEST_F(WorkerDaemon, a_revoked_token_ends_the_worker_with_an_error) {
  start({registers()});
  auto m = message();
  m.mutable_revoked()->set_reason("revoked by an admin");
  say(m);
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return is_over_.load(); }));
  EXPECT_EQ(ended_.error().code, Code::forbidden);
}

TEST_F(WorkerDaemon, registers_again_and_again_until_the_server_is_there) {
  start({[](RawConnection& connection) {
           connection.read_request();
           connection.send(http(503, "{}"));
         },
         registers()});
  const auto requests = api_->requests();
  ASSERT_GE(requests.size(), 2u);
  EXPECT_EQ(requests[0], requests[1]);  // the same idempotency key: one registration
}

TEST_F(WorkerDaemon, a_refused_token_is_an_error_and_no_reason_to_try_again) {
  RawServer server({[](RawConnection& connection) {
    connection.read_request();
    connection.send(http(401, R"({"detail":"unknown token"})"));
  }});
  WorkerOptions options;
  options.url = server.url();
  options.token = "msw_wrong";
  options.work_root = folder_.path() + "/other";
  const Status status = run_worker(options, stop_);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::unauthenticated);
  EXPECT_NE(status.error().message.find("unknown token"), std::string::npos);
}

}  // namespace
}  // namespace dossier::worker
