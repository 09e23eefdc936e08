// What the worker hears, what it says, and in which order, from an offer to the end.
#include "tests/integration/worker_daemon_fixture.hpp"

namespace dossier::worker {
namespace {

TEST_F(WorkerDaemon, runs_a_task_from_the_offer_to_its_captured_work) {
  start({registers()});
  append(tasks(), offer("echo started; echo \"$DOSSIER_PROMPT\" >>README.md; echo done").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  EXPECT_FALSE(is_running());
  grant();
  finish();
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
  finish();
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
  EXPECT_LE(source.diff().plain().size(), 20'000u);  // its beginning is shown all the same
  EXPECT_GT(source.diff().plain().size(), 0u);
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
  finish();
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
