// A worker's protocol under test: what goes in, and what the worker then does and says.
#pragma once

#include "worker/protocol.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dossier::worker {

inline constexpr std::int64_t kSecond = 1'000'000;
inline const std::string kWorkspace = "ws_00000000000000000000000000000001";
inline const std::string kWorker = "wkr_00000000000000000000000000000001";
inline const std::string kTask = "tsk_00000000000000000000000000000001";
inline const std::string kOther = "tsk_00000000000000000000000000000002";
inline const RunKey kRun{kTask, 1};

inline v1::TaskOffer offer_of(const std::string& task, std::uint32_t number, const std::string& worker = kWorker) {
  v1::TaskOffer offer;
  offer.set_workspace_id(kWorkspace);
  offer.set_task_id(task);
  offer.set_offer(number);
  offer.set_worker_id(worker);
  offer.mutable_spec()->set_provider("command");
  return offer;
}

// A worker, its clock, and what it did since the last look.
class WorkerProtocol : public ::testing::Test {
 protected:
  explicit WorkerProtocol(std::uint32_t slots = 1) : protocol_({kWorkspace, kWorker, "boot-1", slots, {"command"}, 60 * kSecond}, now()) { take(); }

  Now now() const { return {boot_us_, 1'800'000'000 * kSecond + boot_us_}; }
  void pass(std::int64_t us) { boot_us_ += us; }
  // Time in which all is well: what is sent is acknowledged, the control topic is read.
  void pass_connected(std::int64_t us) {
    for (std::int64_t passed = 0; passed < us; passed += kSecond) {
      pass(std::min(kSecond, us - passed));
      protocol_.on_report_acknowledged(boot_us_, now());
      protocol_.on_control_current(offset_, now());
      protocol_.on_tick(now());
    }
  }
  void take() {
    reports_.clear(), bodies_.clear(), heartbeats_.clear(), prepared_.clear(), started_.clear(), stopped_.clear();
    finished_.reset();
    order_.clear();
    for (auto& action : protocol_.take_actions()) {
      if (const auto* send = std::get_if<SendReport>(&action)) {
        v1::Report report;
        ASSERT_TRUE(report.ParseFromString(send->body));
        EXPECT_EQ(report.sequence(), send->sequence);
        order_.push_back(report.has_heartbeat() ? "heartbeat" : "report");
        if (report.has_heartbeat())
          heartbeats_.push_back(report.heartbeat());
        else
          reports_.push_back(report), bodies_.push_back(send->body);
      } else if (const auto* prepare = std::get_if<PrepareWorkdir>(&action)) {
        order_.push_back("prepare");
        prepared_.push_back(prepare->run);
      } else if (const auto* start = std::get_if<StartAgent>(&action)) {
        order_.push_back("start");
        started_.push_back(start->run);
      } else if (const auto* stop = std::get_if<StopRun>(&action)) {
        order_.push_back("stop");
        stopped_.push_back({stop->run, stop->reason});
      } else if (const auto* finished = std::get_if<Finished>(&action)) {
        order_.push_back("finished");
        finished_ = finished->reason;
      }
    }
  }

  v1::ControlMessage message() const {
    v1::ControlMessage message;
    message.set_workspace_id(kWorkspace);
    message.set_worker_id(kWorker);
    return message;
  }
  void control(const v1::ControlMessage& message) { protocol_.on_control(message, ++offset_, now()); }
  void granted(const RunKey& run) {
    auto m = message();
    m.mutable_granted()->set_task_id(run.task_id);
    m.mutable_granted()->set_offer(run.offer);
    control(m);
  }
  void fenced(const RunKey& run) {
    auto m = message();
    m.mutable_fenced()->set_task_id(run.task_id);
    m.mutable_fenced()->set_offer(run.offer);
    control(m);
  }
  void cancel(const RunKey& run, const std::string& reason) {
    auto m = message();
    m.mutable_cancel_run()->set_task_id(run.task_id);
    m.mutable_cancel_run()->set_offer(run.offer);
    m.mutable_cancel_run()->set_reason(reason);
    control(m);
  }
  void accepted_through(std::uint64_t sequence, const std::string& boot = "boot-1") {
    auto m = message();
    m.mutable_accepted_through()->set_boot_id(boot);
    m.mutable_accepted_through()->set_sequence(sequence);
    control(m);
  }
  void start_running() {
    protocol_.on_offer(offer_of(kTask, 1), now());
    protocol_.on_workdir_ready(kRun, now());
    granted(kRun);
    take();
    ASSERT_EQ(started_, std::vector<RunKey>{kRun});
  }
  RunEnd completed() const {
    RunEnd end;
    end.kind = RunEnd::Kind::completed;
    end.result = "all done";
    end.source.emplace();
    end.source->set_commit("c0ffee");
    end.source->set_branch("dossier/1-x-o1");
    end.last_activity_sequence = 9;
    end.activity_root = "root";
    return end;
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> names;
    for (const auto& report : reports_) {
      const auto* field = v1::Report::descriptor()->FindFieldByNumber(report.report_case());
      names.push_back(field == nullptr ? "none" : field->name());
    }
    return names;
  }

  std::int64_t boot_us_ = 100 * kSecond;
  std::int64_t offset_ = -1;
  Protocol protocol_;
  std::vector<v1::Report> reports_;
  std::vector<std::string> bodies_;
  std::vector<v1::Heartbeat> heartbeats_;
  std::vector<RunKey> prepared_, started_;
  std::vector<std::pair<RunKey, StopReason>> stopped_;
  std::vector<std::string> order_;
  std::optional<StopReason> finished_;
};

using Strings = std::vector<std::string>;
using Stops = std::vector<std::pair<RunKey, StopReason>>;

}  // namespace dossier::worker
