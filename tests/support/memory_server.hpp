// The server in memory, in one thread, stepped by hand: a broker and a database that several processes share, and
// processes made of the product's own parts. What happens in which order, and when time passes, is the test's to say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "platform/memory/memory_database.hpp"
#include "platform/memory/memory_topic.hpp"
#include "producers/applied_voice.hpp"
#include "producers/command_runner.hpp"
#include "producers/commit_log.hpp"
#include "producers/control_sender.hpp"
#include "producers/intake.hpp"
#include "producers/memory_dispatch_store.hpp"
#include "producers/memory_intake_store.hpp"
#include "producers/memory_state_store.hpp"
#include "producers/memory_verdict_source.hpp"
#include "producers/scheduler.hpp"
#include "producers/verdict_board.hpp"
#include "producers/verdict_poller.hpp"
#include "projections/memory_store.hpp"
#include "projections/projector.hpp"
#include "tests/support/step_executor.hpp"

namespace dossier::test {

// Fates of appends, by a function of the test's.
class AppendFates final : public memory::FaultPolicy {
 public:
  std::function<memory::AppendPlan(std::string_view writer, const topic::Outgoing& record)> plan;
  memory::AppendPlan plan_append(std::string_view writer, const topic::Outgoing& record) override {
    return plan ? plan(writer, record) : memory::AppendPlan{};
  }
};

// What the processes share.
struct MemoryInstallation {
  static constexpr std::int32_t kPartitions = 3;
  static constexpr const char* kLogId = "0123456789abcdef0123456789abcdef";

  MemoryInstallation();
  void make_pool(const std::string& pool);
  // Records of the pool's control topic, decoded.
  std::vector<v1::ControlMessage> control(const std::string& pool) const;
  std::vector<topic::Record> events_of(const WorkspaceId& workspace) const;

  ManualClock clock;
  AppendFates fates;
  memory::MemoryBroker broker{clock, {}, &fates};
  std::shared_ptr<memory::MemoryDatabase> database = std::make_shared<memory::MemoryDatabase>();
  producers::MemoryLogIdentityStore log_identity;
  events::Topics topics{"dossier"};
};

// One process with all roles but the API.
class MemoryServer final {
 public:
  MemoryServer(MemoryInstallation& installation, std::string name);
  ~MemoryServer();

  // One round of everything that has something to do. True: something moved.
  bool step();
  // Its process is stopped (SIGSTOP): step() does nothing, its records wait.
  void freeze();
  void thaw();
  bool frozen() const { return frozen_; }

  // Runs a command; the answer comes by settle().
  void run(producers::Command command, std::function<void(Result<producers::Committed>)> done) { runner.run(std::move(command), std::move(done)); }

  MemoryInstallation& at;
  const std::string name;
  StepExecutor executor;
  std::unique_ptr<memory::MemoryWriter> commits;
  std::unique_ptr<memory::MemoryWriter> messages;
  producers::MemoryStateStore states;
  producers::MemoryIntakeStore intake_store;
  producers::MemoryDispatchStore dispatch;
  producers::VerdictBoard board;
  producers::RecentStates recent;
  producers::CommitLog log;
  producers::CommandRunner runner;
  producers::ControlSender control;
  // Which of its roles do something. One that does not project learns verdicts from the database.
  bool projects = true;
  bool schedules = true;
  bool takes_in = true;

 private:
  producers::AppliedVoice voice_;
  projections::MemoryStore store_;
  producers::MemoryVerdictSource verdicts_;
  producers::VerdictPoller poller_;
  std::unique_ptr<topic::Reader> events_reader_;
  std::unique_ptr<topic::Reader> reports_reader_;
  std::unique_ptr<projections::Projector> projector_;
  std::unique_ptr<producers::Intake> intake_;
  std::unique_ptr<producers::Scheduler> scheduler_;
  bool frozen_ = false;
};

// Steps everything until nothing moves any more; time passes only where something waits for it, and not past `until_us`
// from now.
void settle(MemoryInstallation& at, const std::vector<MemoryServer*>& servers, std::int64_t within_us = 10'000'000);

}  // namespace dossier::test
