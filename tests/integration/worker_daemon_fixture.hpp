// The worker as it runs, on a real Kafka, with a server which the test plays.
#pragma once

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

using test_support::RawConnection;
using test_support::RawServer;

inline constexpr std::int64_t kPatienceMs = 60'000;
inline const std::string kWorkspace = "ws_00000000000000000000000000000001";
inline const std::string kWorker = "wkr_00000000000000000000000000000001";
inline const std::string kSession = "ses_00000000000000000000000000000001";
inline const std::string kTask = "tsk_00000000000000000000000000000001";

inline std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

using Report = v1::Report;
using Kinds = std::vector<Report::ReportCase>;

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
    thread_ = std::thread([this] { ended_ = run_worker(options_, stop_, make_), is_over_ = true; });
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
  // What the server says when the turn ended and nothing waits.
  void finish(std::uint32_t turn = 1) {
    ASSERT_TRUE(until([&] { return count(Report::kTurnEnded) == static_cast<int>(turn) || has(Report::kRunFailed); }));
    auto m = message();
    m.mutable_finish_run()->set_task_id(kTask);
    m.mutable_finish_run()->set_offer(1);
    m.mutable_finish_run()->set_turn(turn);
    say(m);
  }
  void next_turn(std::uint32_t turn, const std::string& words) {
    auto m = message();
    m.mutable_next_turn()->set_task_id(kTask);
    m.mutable_next_turn()->set_offer(1);
    m.mutable_next_turn()->set_turn(turn);
    m.mutable_next_turn()->add_inputs()->mutable_body()->set_plain(words);
    say(m);
  }
  void decide(const std::string& provider_request, const std::string& id, const std::string& decision) {
    auto m = message();
    auto* part = m.mutable_approval_decision();
    part->set_task_id(kTask);
    part->set_offer(1);
    part->set_provider_request(provider_request);
    part->mutable_resolved()->set_request_id(id);
    part->mutable_resolved()->set_decision(decision);
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
  int count(v1::Report::ReportCase kind) const {
    return static_cast<int>(std::count_if(reports_.begin(), reports_.end(), [&](const auto& entry) { return entry.second.report_case() == kind; }));
  }
  const v1::Report* find(v1::Report::ReportCase kind) const {
    for (const auto& [sequence, report] : reports_)
      if (report.report_case() == kind) return &report;
    return nullptr;
  }
  std::vector<v1::Report::ReportCase> kinds() const {
    std::vector<v1::Report::ReportCase> kinds;
    kinds.reserve(reports_.size());
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
  AgentPool::Make make_ = make_agent;
  Status ended_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;

  std::map<std::uint64_t, v1::Report> reports_;
  std::vector<v1::Heartbeat> heartbeats_;
  std::string lines_, activity_root_;
  std::uint64_t activity_last_ = 0;
};

}  // namespace dossier::worker
