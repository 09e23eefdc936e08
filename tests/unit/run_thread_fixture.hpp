// One run on its thread, in a real worktree, with an agent that does what a test says, and what the run says of it.
#pragma once

#include "worker/masking/masker.hpp"
#include "worker/run_thread.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::worker {

inline constexpr std::int64_t kRunPatienceMs = 60'000;
inline const std::string kFamily = "run-test-" + std::to_string(::getpid()) + ":";  // other tests run beside this one

// What one process of the agent does.
using AgentScript = std::function<AgentResult(const AgentRequest&, AgentHost&)>;

class ScriptedAgent final : public Agent {
 public:
  ScriptedAgent(AgentScript script, bool warm) : script_(std::move(script)), warm_(warm) {}
  AgentResult run(const AgentRequest& request, AgentHost& host) override { return script_(request, host); }
  bool is_warm() const override { return warm_; }

 private:
  const AgentScript script_;
  const bool warm_;
};

inline AgentEvent agent_event(AgentEvent::Kind kind, std::string item = {}, std::string text = {}) {
  AgentEvent event;
  event.kind = kind;
  event.item = std::move(item);
  event.text = std::move(text);
  return event;
}
inline void begin_session(AgentHost& host, const std::string& session) { host.on_event(agent_event(AgentEvent::Kind::session_started, session)); }
inline void begin_turn(AgentHost& host) { host.on_event(agent_event(AgentEvent::Kind::turn_started, "turn")); }
inline void end_turn(AgentHost& host, const std::string& reason = "completed") {
  host.on_event(agent_event(AgentEvent::Kind::turn_ended, "turn", reason));
}
inline void ask(AgentHost& host, const std::string& request, const std::string& command) {
  AgentEvent event = agent_event(AgentEvent::Kind::approval_requested, "item");
  event.approval.emplace();
  event.approval->request = request;
  event.approval->kind = "command";
  event.approval->command = command;
  host.on_event(std::move(event));
}
inline void settle(AgentHost& host, const std::string& request, const std::string& decision) {
  AgentEvent event = agent_event(AgentEvent::Kind::approval_resolved, "item");
  event.name = decision;
  event.approval.emplace();
  event.approval->request = request;
  host.on_event(std::move(event));
}
// Waits for the host's next word. nullopt: it is to stop.
inline std::optional<AgentCommand> next_command(AgentHost& host) {
  static thread_local std::deque<AgentCommand> waiting;
  while (host.stop() == AgentHost::Stop::no) {
    for (auto& command : host.take_commands()) waiting.push_back(std::move(command));
    if (!waiting.empty()) {
      AgentCommand command = std::move(waiting.front());
      waiting.pop_front();
      return command;
    }
    host.wakeup().wait(std::min<std::int64_t>(100, host.pump() / 1'000 + 1));
  }
  return std::nullopt;
}
inline AgentResult done(const std::string& words = "done") {
  AgentResult result;
  result.kind = AgentResult::Kind::completed;
  result.result = words;
  return result;
}
inline AgentResult lost() {
  AgentResult result;
  result.kind = AgentResult::Kind::failed;
  result.code = "agent_lost";
  result.error = "killed";
  result.retryable = true;
  return result;
}

class AcknowledgingWriter final : public topic::Writer {
 public:
  void append(topic::Outgoing record, Done done) override {
    {
      const std::lock_guard lock(mutex_);
      written_ += record.value;
    }
    done({topic::Outcome::acknowledged, 0, Code::internal, ""});
  }
  // All bytes that left.
  std::string written() {
    const std::lock_guard lock(mutex_);
    return written_;
  }
  bool has(const std::string& words) {
    const std::lock_guard lock(mutex_);
    return written_.find(words) != std::string::npos;
  }
  bool flush(std::int64_t) override { return true; }
  bool healthy() const override { return true; }

 private:
  std::mutex mutex_;
  std::string written_;
};

class RunThreadTest : public ::testing::Test {
 protected:
  RunThreadTest() {
    EXPECT_TRUE(workdirs_.repair());
    dependencies_.secrets = *masking::Secrets::make({});
    offer_.set_workspace_id("ws_1");
    offer_.set_task_id("tsk_1");
    offer_.set_offer(1);
    offer_.set_session_id("ses_1");
    offer_.set_issue_id("iss_1");
    offer_.set_issue_number(4);
    auto* spec = offer_.mutable_spec();
    spec->set_provider("scripted");
    spec->mutable_issue_title()->set_plain("Say more");
    spec->mutable_prompt()->set_plain("Fix the parser.");
    spec->mutable_source()->set_local_path(project_.path());
  }
  ~RunThreadTest() override {
    run_.reset();
    EXPECT_EQ(agents_.in_use(), 0u);
    agents_.close();
    EXPECT_TRUE(process::marked_processes(kFamily).members.empty());
  }

  void start() {
    RunListener listener;
    listener.workdir_ready = [this](const RunKey&) { say("ready"); };
    listener.started = [this](const RunKey&, const std::string& session) { say("session " + session); };
    listener.turn_began = [this](const RunKey&, std::uint32_t turn, const std::string&) { say("began " + std::to_string(turn)); };
    listener.turn_ended = [this](const RunKey&, const v1::TurnEnded& turn) { say("ended " + std::to_string(turn.turn()) + " " + turn.reason()); };
    listener.approval_asked = [this](const RunKey&, const v1::ApprovalRequested& request) {
      say("asks " + request.provider_request() + " " + request.command().plain());
    };
    listener.approval_withdrawn = [this](const RunKey&, const std::string& request) { say("withdraws " + request); };
    listener.approval_answered = [this](const RunKey&, const std::string& id, const std::string& how) { say("knows " + id + " " + how); };
    listener.steered = [this](const RunKey&, const std::string& id, std::uint32_t turn) { say("steered " + id + " " + std::to_string(turn)); };
    listener.note = [this](const RunKey&, const RunNote& note) {
      std::visit([this](const auto& fact) { keep(fact.SerializeAsString()); }, note);
      if (const auto* source = std::get_if<v1::SourceCaptured>(&note)) say("source " + std::to_string(source->turn()), source->commit());
      if (const auto* rejected = std::get_if<v1::EvidenceRejected>(&note))
        say("rejects " + rejected->code() + ", " + rejected->message().plain() + ", turn " + std::to_string(rejected->turn()));
      if (const auto* limit = std::get_if<v1::LimitReached>(&note)) say("limit " + limit->limit() + " " + limit->action());
    };
    listener.ended = [this](const RunKey&, RunEnd end) {
      const std::lock_guard lock(mutex_);
      end_ = std::move(end);
    };
    run_ = std::make_unique<RunThread>(dependencies_, std::move(listener), offer_);
    run_->start_agent();
  }
  void say(std::string word, std::string commit = {}) {
    const std::lock_guard lock(mutex_);
    said_.push_back(std::move(word));
    if (!commit.empty()) commits_.push_back(std::move(commit));
  }
  void keep(const std::string& fact) {
    const std::lock_guard lock(mutex_);
    facts_ += fact;
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  bool says(const std::string& word) {
    return test::eventually(kRunPatienceMs, [&] {
      const auto all = said();
      return std::find(all.begin(), all.end(), word) != all.end();
    });
  }
  bool has_said(const std::string& word) {
    const auto all = said();
    return std::find(all.begin(), all.end(), word) != all.end();
  }
  bool logs(const std::string& words) {
    return test::eventually(kRunPatienceMs, [&] { return writer_.has(words); });
  }
  RunEnd ends() {
    EXPECT_TRUE(test::eventually(kRunPatienceMs, [&] {
      const std::lock_guard lock(mutex_);
      return end_.has_value();
    }));
    const std::lock_guard lock(mutex_);
    return end_.value_or(RunEnd{});
  }
  void next_turn(std::uint32_t turn, const std::string& words) {
    BeginTurn mail;
    mail.turn = turn;
    mail.inputs.emplace_back().set_follow_up_id("fup_1");
    mail.inputs.back().mutable_body()->set_plain(words);
    run_->tell(std::move(mail));
  }
  void finish() { run_->tell(FinishRun{}); }
  void decide(const std::string& provider_request, const std::string& id, const std::string& decision) {
    AnswerApproval mail;
    mail.provider_request = provider_request;
    mail.resolved.set_request_id(id);
    mail.resolved.set_decision(decision);
    run_->tell(std::move(mail));
  }
  AgentRequest request(std::size_t process) {
    const std::lock_guard lock(mutex_);
    return requests_.at(process);
  }
  std::size_t processes() {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  std::unique_ptr<Agent> make(std::string_view provider) {
    if (provider != "scripted") return make_agent(provider);
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(scripts_.empty()) << "a process that the test did not expect";
    if (scripts_.empty()) return nullptr;
    AgentScript script = std::move(scripts_.front());
    scripts_.pop_front();
    return std::make_unique<ScriptedAgent>(
        [this, script = std::move(script)](const AgentRequest& request, AgentHost& host) {
          {
            const std::lock_guard requests_lock(mutex_);
            requests_.push_back(request);
          }
          return script(request, host);
        },
        warm_);
  }

  std::mutex mutex_;
  std::vector<std::string> said_, commits_;
  std::string facts_;  // bytes of what was noted
  std::optional<RunEnd> end_;
  std::deque<AgentScript> scripts_;
  std::vector<AgentRequest> requests_;
  bool warm_ = false;

  const SystemClock clock_;
  test::TemporaryFolder folder_{"run"};
  test::GitRepository project_{folder_.path() + "/project"};
  WorkdirStore workdirs_{folder_.path() + "/workroot", std::nullopt};
  SessionHomes homes_{folder_.path() + "/workroot/homes", std::nullopt};
  AgentPool agents_{clock_, {2, 600'000'000}, [this](std::string_view provider) { return make(provider); }};
  AcknowledgingWriter writer_;
  RunDependencies dependencies_{
      clock_,     workdirs_, homes_, agents_,      writer_, {"ws_1", "wkr_1", "boot", crypto::key_pair_from_seed(std::string(32, 's')).secret_key},
      "activity", 1,         {},     std::nullopt, kFamily, 60'000};
  v1::TaskOffer offer_;
  std::unique_ptr<RunThread> run_;
};

}  // namespace dossier::worker
