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
  explicit WorkerProtocol(std::uint32_t slots = 1, bool once = false)
      : protocol_({kWorkspace, kWorker, "boot-1", slots, {"command"}, 60 * kSecond, once}, now()) {
    take();
  }

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
    turns_.clear(), answers_.clear(), steers_.clear(), finishing_.clear();
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
      } else if (const auto* turn = std::get_if<BeginTurn>(&action)) {
        order_.push_back("turn");
        turns_.push_back(*turn);
      } else if (const auto* finish = std::get_if<FinishRun>(&action)) {
        order_.push_back("finish");
        finishing_.push_back(finish->run);
      } else if (const auto* answer = std::get_if<AnswerApproval>(&action)) {
        order_.push_back("answer");
        answers_.push_back(*answer);
      } else if (const auto* steer = std::get_if<Steer>(&action)) {
        order_.push_back("steer");
        steers_.push_back(*steer);
      } else if (const auto* finished = std::get_if<Finished>(&action)) {
        order_.push_back("finished");
        finished_ = finished->reason;
        completed_ = finished->completed;
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
  void granted(const RunKey& run, const std::string& boot = "boot-1") {
    auto m = message();
    m.mutable_granted()->set_boot_id(boot);
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
  void refused(std::uint64_t sequence, const std::string& why) {
    auto m = message();
    m.mutable_report_refused()->set_boot_id("boot-1");
    m.mutable_report_refused()->set_sequence(sequence);
    m.mutable_report_refused()->set_message(why);
    control(m);
  }
  void next_turn(std::uint32_t turn, const std::string& says, const std::string& follow_up = {}) {
    auto m = message();
    m.mutable_next_turn()->set_task_id(kTask);
    m.mutable_next_turn()->set_offer(1);
    m.mutable_next_turn()->set_turn(turn);
    if (!says.empty()) {
      auto& input = *m.mutable_next_turn()->add_inputs();
      input.set_follow_up_id(follow_up);
      input.mutable_body()->set_plain(says);
    }
    control(m);
  }
  void finish(std::uint32_t turn) {
    auto m = message();
    m.mutable_finish_run()->set_task_id(kTask);
    m.mutable_finish_run()->set_offer(1);
    m.mutable_finish_run()->set_turn(turn);
    control(m);
  }
  void decided(const std::string& provider_request, const std::string& request_id, const std::string& decision) {
    auto m = message();
    auto* part = m.mutable_approval_decision();
    part->set_task_id(kTask);
    part->set_offer(1);
    part->set_provider_request(provider_request);
    part->mutable_resolved()->set_request_id(request_id);
    part->mutable_resolved()->set_decision(decision);
    control(m);
  }
  void steer(const std::string& follow_up) {
    auto m = message();
    m.mutable_steer_run()->set_task_id(kTask);
    m.mutable_steer_run()->set_offer(1);
    m.mutable_steer_run()->mutable_input()->set_follow_up_id(follow_up);
    control(m);
  }
  void turn_began(std::uint32_t number) { protocol_.on_turn_began(kRun, number, "turn", now()); }
  void turn_ended(std::uint32_t number) {
    v1::TurnEnded turn;
    turn.set_turn(number);
    turn.set_reason("completed");
    protocol_.on_turn_ended(kRun, turn, now());
  }
  void asked(const std::string& provider_request) {
    v1::ApprovalRequested request;
    request.set_kind("command");
    request.set_provider_request(provider_request);
    protocol_.on_approval_asked(kRun, request, now());
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
  std::vector<BeginTurn> turns_;
  std::vector<RunKey> finishing_;
  std::vector<AnswerApproval> answers_;
  std::vector<Steer> steers_;
  std::vector<std::string> order_;
  std::optional<StopReason> finished_;
  std::optional<bool> completed_;
};

using Strings = std::vector<std::string>;
using Stops = std::vector<std::pair<RunKey, StopReason>>;

}  // namespace dossier::worker
