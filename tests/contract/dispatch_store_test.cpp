// The contract of DispatchStore, held against both implementations: what the scheduler sees of tasks and workers.
#include <gtest/gtest.h>

#include <algorithm>

#include "dossier/v1/state.pb.h"
#include "events/names.hpp"
#include "tests/contract/producer_system.hpp"
#include "tests/support/event_script.hpp"
#include "tests/support/table_rows.hpp"

namespace dossier::producers {
namespace {

const std::string kPool = "fast", kOtherPool = "slow";
const std::string kIssue = test::hex_id("iss", 1), kSession = test::hex_id("ses", 1);
const WorkerId kWorker(test::hex_id("wkr", 1));

TaskId task(std::uint64_t n) { return TaskId(test::hex_id("tsk", n)); }

class DispatchStores : public testing::TestWithParam<test::MakeProducerSystem> {
 protected:
  void SetUp() override { system_ = GetParam()(); }

  DispatchStore& store() { return *system_->dispatch; }
  WorkspaceId workspace() const { return WorkspaceId(script_.workspace()); }

  template <class Fill>
  void fact(const TaskId& id, Fill fill) {
    script_.commit({test::make_fact(events::task_stream(id), kIssue, [&](v1::EventPayload& payload) { fill(*payload.mutable_task()); })});
  }
  void queue(const TaskId& id, const std::string& pool, std::int32_t priority = 0) {
    fact(id, [&](v1::TaskEvent& event) {
      auto& queued = *event.mutable_task_queued();
      queued.set_task_id(id.str());
      queued.set_session_id(kSession);
      queued.set_kind("agent");
      queued.set_pool(pool);
      queued.set_priority(priority);
      queued.set_affinity("prj_1");
      queued.mutable_spec()->set_provider("command");
    });
  }
  void offer(const TaskId& id, std::uint32_t number, std::int64_t deadline_us = 9'000'000) {
    fact(id, [&](v1::TaskEvent& event) {
      auto& offered = *event.mutable_task_offered();
      offered.set_offer(number);
      offered.set_worker_id(kWorker.str());
      offered.set_deadline_us(deadline_us);
    });
  }
  void lapse(const TaskId& id, std::uint32_t number) {
    fact(id, [&](v1::TaskEvent& event) { event.mutable_task_offer_lapsed()->set_offer(number); });
  }
  void claim(const TaskId& id, std::uint32_t number) {
    fact(id, [&](v1::TaskEvent& event) {
      event.mutable_task_claimed()->set_offer(number);
      event.mutable_task_claimed()->set_worker_id(kWorker.str());
    });
  }
  void start(const TaskId& id, std::uint32_t number) {
    fact(id, [&](v1::TaskEvent& event) { event.mutable_task_started()->set_offer(number); });
  }
  void complete(const TaskId& id, std::uint32_t number) {
    fact(id, [&](v1::TaskEvent& event) { event.mutable_task_completed()->set_offer(number); });
  }
  void cancel(const TaskId& id, const std::string& reason) {
    fact(id, [&](v1::TaskEvent& event) { event.mutable_task_cancel_requested()->mutable_reason()->set_plain(reason); });
  }
  void ask_approval(std::uint64_t n, std::uint32_t offer_number) {
    approval([&](v1::SessionEvent& event) {
      auto& asked = *event.mutable_approval_requested();
      asked.set_request_id(test::hex_id("apr", n));
      asked.set_kind("command");
      asked.set_offer(offer_number);
      asked.set_provider_request(std::to_string(n));
    });
  }
  void resolve_approval(std::uint64_t n) {
    approval([&](v1::SessionEvent& event) {
      auto& resolved = *event.mutable_approval_resolved();
      resolved.set_request_id(test::hex_id("apr", n));
      resolved.set_decision("accept");
      resolved.set_by("usr_a");
    });
  }
  void deliver_approval(std::uint64_t n) {
    approval([&](v1::SessionEvent& event) { event.mutable_approval_delivered()->set_request_id(test::hex_id("apr", n)); });
  }
  template <class Fill>
  void approval(Fill fill) {
    script_.commit({test::make_fact("session/" + kSession, kIssue, [&](v1::EventPayload& payload) { fill(*payload.mutable_session()); })});
  }
  void open_issue() {
    script_.commit({test::make_fact("issue/" + kIssue, kIssue,
                                    [&](v1::EventPayload& payload) { payload.mutable_issue()->mutable_issue_opened()->set_issue_id(kIssue); }),
                    test::make_fact(events::issue_numbers_stream(workspace()), kIssue, [&](v1::EventPayload& payload) {
                      payload.mutable_issue_numbers()->mutable_issue_numbered()->set_issue_id(kIssue);
                    })});
  }

  template <class Fill>
  void session_fact(Fill fill) {
    script_.commit({test::make_fact("session/" + kSession, kIssue, [&](v1::EventPayload& payload) { fill(*payload.mutable_session()); })});
  }
  void follow_up(const std::string& id) {
    session_fact([&](v1::SessionEvent& event) { event.mutable_follow_up_queued()->set_follow_up_id(id); });
  }
  void steer(const std::string& id) {
    session_fact([&](v1::SessionEvent& event) { event.mutable_follow_up_steer_requested()->set_follow_up_id(id); });
  }

  // Writes the read models of the script so far, and these streams, into a generation.
  void project(projections::ProjectionStore& into, std::vector<projections::StreamRow> streams = {}) {
    projections::ProjectionBatch batch;
    batch.before = {0, 0, crypto::kZeroHash, "log", 1, 1, 1};
    ASSERT_TRUE(into.create_position(batch.before).has_value());
    batch.after = batch.before;
    batch.after.next_offset = script_.end();
    for (const auto& model : projections::registry()) {
      projections::ModelRows rows{model.name, {}};
      test::for_each_accepted(script_, [&](const projections::AcceptedEvent& event) { model.project(event, rows.rows); });
      batch.models.push_back(std::move(rows));
    }
    batch.streams = std::move(streams);
    const auto applied = into.apply(batch);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    ASSERT_FALSE(applied->data_error) << applied->data_error->message;
  }
  void project(std::vector<projections::StreamRow> streams = {}) { project(*system_->projection, std::move(streams)); }

  static std::vector<std::string> ids(const std::vector<QueuedTask>& tasks) {
    std::vector<std::string> out;
    out.reserve(tasks.size());
    for (const auto& one : tasks) out.push_back(one.id.str());
    return out;
  }
  LivenessRow heartbeat(const WorkerId& worker, std::int64_t time_us) const {
    LivenessRow row{worker, workspace(), "boot", time_us, 2, {}};
    row.heartbeat.set_free_slots(3);
    row.heartbeat.add_partitions(5);
    return row;
  }
  projections::StreamRow worker_stream(const WorkerId& worker, bool needs_newer_code = false) const {
    v1::WorkerState state;
    state.set_pool(kPool);
    state.set_slots(4);
    return {workspace().str(), events::worker_stream(worker), 1, state.SerializeAsString(), needs_newer_code};
  }

  // Intake has read the workers' partition up to this moment of broker time.
  void read_reports_up_to(std::int64_t time_us) {
    const IntakePosition start{2, 0, crypto::kZeroHash, 0};
    const IntakePosition now{2, 1, crypto::sha256("1"), time_us};
    ASSERT_TRUE(system_->intake->save(start, now, {}, {}).has_value());
  }

  test::EventScript script_;
  std::unique_ptr<test::ProducerSystem> system_;
};

TEST_P(DispatchStores, NothingIsThereBeforeAnythingHappened) {
  EXPECT_TRUE(store().queued({kPool}, 10)->empty());
  EXPECT_TRUE(store().queued({}, 10)->empty());
  EXPECT_TRUE(store().active()->empty());
  EXPECT_TRUE(store().details({task(1)})->empty());
  EXPECT_TRUE(store().details({})->empty());
  EXPECT_TRUE(store().undelivered_decisions({task(1)})->empty());
  EXPECT_TRUE(store().look(1'000, {}, 1)->workers.empty());
}

TEST_P(DispatchStores, OfEachPoolTheFirstByPriorityThenAgeAreQueued) {
  queue(task(1), kPool, 0);
  queue(task(2), kPool, 5);
  queue(task(3), kPool, 5);
  queue(task(4), kPool, -1);
  queue(task(5), kOtherPool, 9);
  project();
  EXPECT_EQ(ids(*store().queued({kPool}, 10)), (std::vector<std::string>{task(2).str(), task(3).str(), task(1).str(), task(4).str()}));
  EXPECT_EQ(ids(*store().queued({kPool}, 2)), (std::vector<std::string>{task(2).str(), task(3).str()}));
  EXPECT_EQ(ids(*store().queued({kPool, kOtherPool}, 1)), (std::vector<std::string>{task(2).str(), task(5).str()}));
  EXPECT_EQ(ids(*store().queued({kOtherPool, kPool}, 1)), (std::vector<std::string>{task(5).str(), task(2).str()}));
  EXPECT_TRUE(store().queued({kPool}, 0)->empty());
  EXPECT_TRUE(store().queued({"unknown"}, 10)->empty());
}

TEST_P(DispatchStores, AQueuedTaskCarriesWhatMatchingAsksFor) {
  queue(task(1), kPool, -7);
  offer(task(1), 1);
  lapse(task(1), 1);
  project();
  const auto queued = *store().queued({kPool}, 10);
  ASSERT_EQ(queued.size(), 1u);
  EXPECT_EQ(queued[0].workspace, workspace());
  EXPECT_EQ(queued[0].pool, kPool);
  EXPECT_EQ(queued[0].priority, -7);
  EXPECT_EQ(queued[0].affinity, "prj_1");
  EXPECT_EQ(queued[0].offer, 1u);  // the lapsed one: the next is 2
  EXPECT_GT(queued[0].queued_us, 0);
}

TEST_P(DispatchStores, ATaskIsQueuedOrActiveOrOver) {
  queue(task(1), kPool);
  queue(task(2), kPool);
  offer(task(2), 1);
  queue(task(3), kPool);
  offer(task(3), 1);
  claim(task(3), 1);
  queue(task(4), kPool);
  offer(task(4), 1);
  claim(task(4), 1);
  start(task(4), 1);
  cancel(task(4), "no longer wanted");
  queue(task(5), kPool);
  offer(task(5), 1);
  claim(task(5), 1);
  complete(task(5), 1);
  project();
  EXPECT_EQ(ids(*store().queued({kPool}, 10)), std::vector<std::string>{task(1).str()});
  auto active = *store().active();
  std::sort(active.begin(), active.end(), [](const ActiveTask& a, const ActiveTask& b) { return a.id < b.id; });
  ASSERT_EQ(active.size(), 3u);
  EXPECT_EQ(active[0].id, task(2));
  EXPECT_EQ(active[0].status, v1::TaskState::OFFERED);
  EXPECT_EQ(active[0].worker, kWorker);
  EXPECT_EQ(active[0].workspace, workspace());
  EXPECT_EQ(active[0].pool, kPool);
  EXPECT_FALSE(active[0].cancel_requested);
  EXPECT_EQ(active[1].status, v1::TaskState::CLAIMED);
  EXPECT_EQ(active[1].offer, 1u);
  EXPECT_EQ(active[2].status, v1::TaskState::RUNNING);
  EXPECT_TRUE(active[2].cancel_requested);
  EXPECT_EQ(active[2].cancel_reason, "no longer wanted");
}

TEST_P(DispatchStores, DecisionsAreUndeliveredFromTheirResolutionUntilTheAgentKnows) {
  queue(task(1), kPool);
  offer(task(1), 1);
  claim(task(1), 1);
  for (std::uint64_t n = 1; n <= 4; ++n) ask_approval(n, 1);
  ask_approval(5, 2);
  for (const std::uint64_t n : {5, 3, 2, 1}) resolve_approval(n);
  deliver_approval(2);
  project();
  ASSERT_EQ(store().active()->size(), 1u);
  EXPECT_TRUE(store().active()->at(0).decisions_wait);
  const auto decisions = *store().undelivered_decisions({task(1), task(9)});
  ASSERT_EQ(decisions.size(), 3u);
  EXPECT_EQ(decisions[0].task, task(1));
  EXPECT_EQ(decisions[0].provider_request, "1");
  EXPECT_EQ(decisions[0].offer, 1u);
  EXPECT_EQ(decisions[0].resolved.request_id(), test::hex_id("apr", 1));
  EXPECT_EQ(decisions[0].resolved.decision(), "accept");
  EXPECT_EQ(decisions[1].provider_request, "3");
  EXPECT_EQ(decisions[2].offer, 2u);
  EXPECT_TRUE(store().undelivered_decisions({})->empty());
}

TEST_P(DispatchStores, OfManyUndeliveredDecisionsTheLatestAreTold) {
  queue(task(1), kPool);
  offer(task(1), 1);
  claim(task(1), 1);
  for (std::uint64_t n = 1; n <= DispatchStore::kMaxDecisions + 1; ++n) {
    ask_approval(n, 1);
    resolve_approval(n);
  }
  project();
  const auto decisions = *store().undelivered_decisions({task(1)});
  ASSERT_EQ(decisions.size(), static_cast<std::size_t>(DispatchStore::kMaxDecisions));
  EXPECT_EQ(decisions[0].provider_request, "2");
}

TEST_P(DispatchStores, ATaskWithOnlyOpenOrDeliveredApprovalsWaitsForNoDecision) {
  queue(task(1), kPool);
  offer(task(1), 1);
  claim(task(1), 1);
  ask_approval(1, 1);
  ask_approval(2, 1);
  resolve_approval(2);
  deliver_approval(2);
  project();
  ASSERT_EQ(store().active()->size(), 1u);
  EXPECT_FALSE(store().active()->at(0).decisions_wait);
  EXPECT_TRUE(store().undelivered_decisions({task(1)})->empty());
}

TEST_P(DispatchStores, ATaskNamesItsSession) {
  queue(task(1), kPool);
  queue(task(2), kPool);
  offer(task(2), 1);
  project();
  EXPECT_EQ((*store().queued({kPool}, 10)).at(0).session.str(), kSession);
  EXPECT_EQ((*store().active()).at(0).session.str(), kSession);
}

TEST_P(DispatchStores, AnActiveTaskSaysWhetherSomethingWaitsToBeSteered) {
  queue(task(1), kPool);
  offer(task(1), 1);
  claim(task(1), 1);
  follow_up("fup_1");
  follow_up("fup_2");
  project();
  EXPECT_FALSE((*store().active()).at(0).steers) << "they wait for the next turn";
}

TEST_P(DispatchStores, WhatIsToBeSteeredIsSeenUntilATurnTookIt) {
  queue(task(1), kPool);
  offer(task(1), 1);
  claim(task(1), 1);
  follow_up("fup_1");
  steer("fup_1");
  project(*system_->projection);
  EXPECT_TRUE((*store().active()).at(0).steers);
  session_fact([&](v1::SessionEvent& event) { event.mutable_follow_up_delivered()->set_follow_up_id("fup_1"); });
  project(*system_->second);
  system_->switch_over();
  EXPECT_FALSE((*store().active()).at(0).steers);
}

TEST_P(DispatchStores, SessionsAreTheirFoldedStates) {
  v1::SessionState state;
  state.set_provider_session("thread");
  const std::string newer = test::hex_id("ses", 2);
  project({{workspace().str(), "session/" + kSession, 3, state.SerializeAsString(), false},
           {workspace().str(), "session/" + newer, 1, state.SerializeAsString(), true}});
  EXPECT_TRUE(store().sessions({})->empty());
  const auto rows = *store().sessions({SessionId(kSession), SessionId(newer), SessionId(test::hex_id("ses", 3))});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].id.str(), kSession);
  EXPECT_EQ(rows[0].state.provider_session(), "thread");
}

TEST_P(DispatchStores, ASessionsUnreadableStateIsCorrupt) {
  project({{workspace().str(), "session/" + kSession, 3, "\xff\xff", false}});
  EXPECT_EQ(store().sessions({SessionId(kSession)}).error().code, Code::corrupt);
}

TEST_P(DispatchStores, DetailsAreWhatWasQueuedAndTheIssuesNumber) {
  queue(task(1), kPool);
  open_issue();
  queue(task(2), kPool);
  project();
  auto details = *store().details({task(2), task(9), task(1)});
  ASSERT_EQ(details.size(), 2u);
  for (const auto& one : details) {
    EXPECT_EQ(one.queued.task_id(), one.id.str());
    EXPECT_EQ(one.queued.spec().provider(), "command");
    EXPECT_EQ(one.issue_number, 1u);
  }
}

TEST_P(DispatchStores, ATaskOfAnIssueWithoutANumberHasNone) {
  queue(task(1), kPool);
  project();
  const auto details = *store().details({task(1)});
  ASSERT_EQ(details.size(), 1u);
  EXPECT_EQ(details[0].issue_number, 0u);
}

// A row of the read model whose bytes say nothing.
TEST_P(DispatchStores, UnreadableDetailsAreCorrupt) {
  const auto& models = projections::registry();
  const auto model = std::find_if(models.begin(), models.end(), [](const auto& each) { return each.name == "tasks"; });
  ASSERT_NE(model, models.end());
  const rows::Table& table = *model->tables.at(0);
  rows::Row row(table.columns.size());
  const auto set = [&](std::string_view column, const rows::Cell& cell) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      if (table.columns[i].name == column) row[i] = cell;
  };
  set("id", task(1).str());
  set("workspace", workspace().str());
  set("issue_id", kIssue);
  set("queued", std::string("\xff\xff"));
  set("queued_us", std::int64_t{1});
  set("status", std::string("queued"));
  projections::ProjectionBatch batch;
  batch.before = {0, 0, crypto::kZeroHash, "log", 1, 1, 1};
  batch.after = batch.before;
  batch.after.next_offset = 1;
  projections::ModelRows rows{"tasks", {}};
  rows.rows.put(table, std::move(row));
  batch.models.push_back(std::move(rows));
  ASSERT_TRUE(system_->projection->create_position(batch.before).has_value());
  ASSERT_TRUE(system_->projection->apply(batch).has_value());
  const auto details = store().details({task(1)});
  ASSERT_FALSE(details.has_value());
  EXPECT_EQ(details.error().code, Code::corrupt);
}

TEST_P(DispatchStores, AWorkerLivesWhileItReportsAndIsRegistered) {
  const WorkerId unregistered(test::hex_id("wkr", 2)), newer(test::hex_id("wkr", 3)), elsewhere(test::hex_id("wkr", 4));
  auto of_another_workspace = worker_stream(elsewhere);
  of_another_workspace.workspace = script_.workspace(1);
  project({worker_stream(kWorker), worker_stream(newer, true), of_another_workspace});
  ASSERT_TRUE(system_->intake
                  ->save_liveness({heartbeat(kWorker, 1'000), heartbeat(unregistered, 1'000), heartbeat(newer, 1'000), heartbeat(elsewhere, 1'000)})
                  .has_value());
  read_reports_up_to(1'500);
  const auto live = store().look(500, {}, 1)->workers;
  ASSERT_EQ(live.size(), 1u);
  EXPECT_EQ(live[0].id, kWorker);
  EXPECT_EQ(live[0].workspace, workspace());
  EXPECT_EQ(live[0].pool, kPool);
  EXPECT_EQ(live[0].slots, 4u);
  EXPECT_EQ(live[0].free_slots, 3u);
  EXPECT_EQ(live[0].partitions, std::vector<std::int32_t>{5});
  EXPECT_TRUE(store().look(499, {}, 1)->workers.empty());
}

TEST_P(DispatchStores, AWorkersUnreadableStateIsCorrupt) {
  auto stream = worker_stream(kWorker);
  stream.state = "\xff\xff";
  project({stream});
  ASSERT_TRUE(system_->intake->save_liveness({heartbeat(kWorker, 1'000)}).has_value());
  const auto live = store().look(0, {}, 1);
  ASSERT_FALSE(live.has_value());
  EXPECT_EQ(live.error().code, Code::corrupt);
}

TEST_P(DispatchStores, ALookSeesWorkersActiveTasksAndTheQueuesThatItAsksFor) {
  queue(task(1), kPool, 0);
  queue(task(2), kPool, 5);
  queue(task(3), kOtherPool, 9);
  queue(task(4), kPool, 9);
  offer(task(4), 1);
  project({worker_stream(kWorker)});
  ASSERT_TRUE(system_->intake->save_liveness({heartbeat(kWorker, 1'000)}).has_value());
  const auto look = store().look(0, {kPool}, 1);
  ASSERT_TRUE(look.has_value()) << look.error().message;
  ASSERT_EQ(look->workers.size(), 1u);
  EXPECT_EQ(look->workers[0].id, kWorker);
  ASSERT_EQ(look->active.size(), 1u);
  EXPECT_EQ(look->active[0].id, task(4));
  EXPECT_EQ(ids(look->queued), std::vector<std::string>{task(2).str()});
  ASSERT_EQ(look->details.size(), 1u);
  EXPECT_EQ(look->details[0].id, task(2));
  EXPECT_EQ(look->details[0].queued.SerializeAsString(), store().details({task(2)})->front().queued.SerializeAsString());
  const auto without = store().look(0, {}, 1);
  EXPECT_TRUE(without->queued.empty());
  EXPECT_TRUE(without->details.empty());
}

TEST_P(DispatchStores, OnlyTheLiveGenerationIsSeen) {
  project(*system_->projection);
  queue(task(1), kPool);
  offer(task(1), 1);
  queue(task(2), kPool);
  project(*system_->second, {worker_stream(kWorker)});
  ASSERT_TRUE(system_->intake->save_liveness({heartbeat(kWorker, 1'000)}).has_value());
  EXPECT_TRUE(store().queued({kPool}, 10)->empty());
  EXPECT_TRUE(store().active()->empty());
  EXPECT_TRUE(store().details({task(1)})->empty());
  EXPECT_TRUE(store().look(0, {}, 1)->workers.empty());
  system_->switch_over();
  EXPECT_EQ(store().queued({kPool}, 10)->size(), 1u);
  EXPECT_EQ(store().active()->size(), 1u);
  EXPECT_EQ(store().details({task(1)})->size(), 1u);
  EXPECT_EQ(store().look(0, {}, 1)->workers.size(), 1u);
}

TEST_P(DispatchStores, NothingIsReadWhileTheDatabaseIsAway) {
  system_->lose_database();
  EXPECT_EQ(store().queued({kPool}, 10).error().code, Code::database_unavailable);
  EXPECT_EQ(store().active().error().code, Code::database_unavailable);
  EXPECT_EQ(store().details({task(1)}).error().code, Code::database_unavailable);
  EXPECT_EQ(store().undelivered_decisions({task(1)}).error().code, Code::database_unavailable);
  EXPECT_EQ(store().sessions({SessionId(kSession)}).error().code, Code::database_unavailable);
  EXPECT_EQ(store().look(1'000, {}, 1).error().code, Code::database_unavailable);
}

INSTANTIATE_TEST_SUITE_P(Memory, DispatchStores, testing::Values(&test::memory_system));
INSTANTIATE_TEST_SUITE_P(Postgres, DispatchStores, testing::Values(&test::postgres_system));

}  // namespace
}  // namespace dossier::producers
