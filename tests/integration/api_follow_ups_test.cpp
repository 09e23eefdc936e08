// Follow-ups over the API on a real PostgreSQL: comments on an issue at work, what becomes of them, and stopping a session.
#include <gtest/gtest.h>

#include "dossier/v1/worker.pb.h"
#include "events/names.hpp"
#include "platform/crypto/crypto.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/worker.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/support/api_rig.hpp"

namespace dossier::test {
namespace {

class ApiFollowUps : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rig_ = std::make_unique<ApiRig>();
    rig_->bootstrap();
    project_ = rig_->post(rig_->in_workspace("/projects"), R"({"name":"p","local_path":"/srv/p"})").text("id");
    for (const char* name : {"fixer", "reviewer"})
      ASSERT_EQ(rig_->post(rig_->in_workspace("/agents"), R"({"name":")" + std::string(name) + R"(","provider":"command","command":["/bin/cat"]})")
                    .status(),
                201);
    register_worker();
  }
  static void TearDownTestSuite() { rig_.reset(); }
  static ApiRig& rig() { return *rig_; }

  // A worker that the server takes for live.
  static void register_worker() {
    const ApiReply token = rig_->post(rig_->in_workspace("/worker-tokens"), "{}");
    v1::WorkerRegistered registered;
    registered.mutable_name()->set_plain("w");
    registered.set_mode("local");
    registered.set_public_key(crypto::make_key_pair().public_key);
    registered.set_token_secret_id(token.text("id"));
    registered.set_slots(8);
    registered.add_capabilities()->set_name("command");
    registered.mutable_capabilities(0)->set_value("true");
    worker_ = producers::commands::worker_id_of(WorkspaceId(rig_->workspace), registered.public_key());
    run(producers::commands::register_worker(registered), "register");
    v1::Heartbeat beat;
    beat.set_free_slots(8);
    const auto stored = rig_->pool().write_one(
        "INSERT INTO dossier.liveness (worker_id, workspace, boot_id, free_slots, draining, control_offset, last_report_time_us, owned, "
        "report_partition) VALUES ($1, $2, 'boot', 8, false, 0, $3, $4, 0)",
        postgres::Params().text(worker_.str()).text(rig_->workspace).int8(std::int64_t{1} << 60).bytes(beat.SerializeAsString()));
    ASSERT_TRUE(stored.has_value()) << stored.error().message;
  }
  static void run(producers::Decide decide, const std::string& key) {
    producers::Command command;
    command.context.workspace = WorkspaceId(rig_->workspace);
    command.context.commit_id = events::derive_commit_id(command.context.workspace, "test", "test", key);
    command.context.actor.set_kind(v1::Actor::WORKER);
    command.context.actor.set_id(worker_.str());
    command.context.fingerprint = std::string(32, 'f');
    command.decide = std::move(decide);
    const auto done = rig_->runner().run_and_wait(std::move(command));
    ASSERT_TRUE(done.has_value()) << key << ": " << done.error().message;
  }

  struct Busy {
    std::string issue, session, task;
    std::string comments() const { return "/v1/issues/" + issue + "/comments"; }
    std::string follow_ups() const { return "/v1/sessions/" + session + "/follow-ups"; }
  };
  // An issue whose agent is in its first turn.
  static Busy begin(const std::string& title) {
    Busy busy;
    busy.issue = rig_->post(rig_->in_workspace("/issues"), R"({"title":")" + title + R"(","project_id":")" + project_ + "\"}").text("id");
    const ApiReply asked = rig_->post(busy.comments(), R"({"body":"@fixer please"})");
    EXPECT_EQ(asked.status(), 201) << asked.response.body;
    EXPECT_EQ(asked.text("follow_up_id"), "");
    busy.session = asked.text("session_id");
    busy.task = asked.text("task_id");
    run(producers::commands::offer_task(TaskId(busy.task), worker_, 9), "offer " + title);
    report(busy, title + " claim", [](v1::Report& report) { report.mutable_claim(); });
    report(busy, title + " start", [](v1::Report& report) { report.mutable_run_started()->set_provider_session("thread"); });
    report(busy, title + " turn", [](v1::Report& report) { report.mutable_turn_began()->set_turn(1); });
    return busy;
  }
  static void report(const Busy& busy, const std::string& key, const std::function<void(v1::Report&)>& fill) {
    v1::Report report;
    report.set_worker_id(worker_.str());
    report.mutable_fence()->set_task_id(busy.task);
    report.mutable_fence()->set_offer(1);
    fill(report);
    run(producers::commands::worker_report(report), key);
  }
  static std::string body(const std::string& text) { return R"({"body":")" + text + "\"}"; }

 private:
  static std::unique_ptr<ApiRig> rig_;
  static std::string project_;
  static WorkerId worker_;
};
std::unique_ptr<ApiRig> ApiFollowUps::rig_;
std::string ApiFollowUps::project_;
WorkerId ApiFollowUps::worker_;

TEST_F(ApiFollowUps, ACommentOnAnIssueAtWorkIsAFollowUpAndItsTurnIsShown) {
  const Busy busy = begin("at work");
  const ApiReply said = rig().post(busy.comments(), body("and this"));
  ASSERT_EQ(said.status(), 201) << said.response.body;
  EXPECT_EQ(said.text("session_id"), busy.session);
  EXPECT_EQ(said.text("task_id"), "");
  const std::string id = said.text("follow_up_id");
  const ApiReply waiting = rig().get(busy.follow_ups() + "/" + id);
  ASSERT_EQ(waiting.status(), 200) << waiting.response.body;
  EXPECT_EQ(waiting.text("status"), "waiting");
  EXPECT_EQ(waiting.text("body"), "and this");
  EXPECT_EQ(waiting.text("comment_id"), said.text("id"));
  EXPECT_EQ(waiting.text("author_id"), rig().user);
  report(busy, "at work end", [](v1::Report& report) { report.mutable_turn_ended()->set_turn(1); });
  const ApiReply delivered = rig().get(busy.follow_ups() + "/" + id);
  EXPECT_EQ(delivered.text("status"), "delivered");
  EXPECT_EQ(delivered.number("turn"), 2);
  EXPECT_NE(delivered.text("delivered_at"), "");
  const ApiReply session = rig().get("/v1/sessions/" + busy.session);
  ASSERT_EQ(session.body.find("follow_ups")->array()->size(), 1u) << session.response.body;
  EXPECT_EQ((*session.body.find("follow_ups")->array())[0].text("id"), id);
}

TEST_F(ApiFollowUps, AreListedInOrderEditedSteeredAndTakenBack) {
  const Busy busy = begin("handled");
  const ApiReply first = rig().post(busy.follow_ups(), body("first"));
  ASSERT_EQ(first.status(), 201) << first.response.body;
  EXPECT_EQ(first.text("comment_id"), "");
  const ApiReply second = rig().post(busy.follow_ups(), body("second"));
  const ApiReply third = rig().post(busy.follow_ups(), body("third"));
  const std::string path = busy.follow_ups() + "/";
  const ApiReply edited = rig().ask("PATCH", path + second.text("id"), body("other words"));
  EXPECT_EQ(edited.status(), 200) << edited.response.body;
  EXPECT_EQ(edited.text("body"), "other words");
  const ApiReply steered = rig().post(path + third.text("id") + "/steer", "");
  EXPECT_EQ(steered.status(), 200) << steered.response.body;
  EXPECT_EQ(steered.response.body.find("\"steer_requested\":false"), std::string::npos) << steered.response.body;
  EXPECT_EQ(rig().ask("DELETE", path + first.text("id")).status(), 204);
  const ApiReply list = rig().get(busy.follow_ups() + "?limit=2");
  ASSERT_EQ(list.items().size(), 2u) << list.response.body;
  EXPECT_EQ(list.items()[0].text("status"), "removed");
  EXPECT_EQ(list.items()[1].text("body"), "other words");
  const ApiReply rest = rig().get(busy.follow_ups() + "?limit=2&cursor=" + list.text("next_cursor"));
  ASSERT_EQ(rest.items().size(), 1u) << rest.response.body;
  EXPECT_EQ(rest.items()[0].text("id"), third.text("id"));

  EXPECT_EQ(rig().ask("DELETE", path + first.text("id")).code(), "not_found");
  EXPECT_EQ(rig().ask("PATCH", path + third.text("id"), body("too late")).code(), "conflict");
  report(busy, "handled end", [](v1::Report& report) { report.mutable_turn_ended()->set_turn(1); });
  EXPECT_EQ(rig().ask("PATCH", path + second.text("id"), body("too late")).code(), "terminal_state");
  EXPECT_EQ(rig().ask("PATCH", path + "fup_" + std::string(32, '0'), body("nobody")).code(), "not_found");
  EXPECT_EQ(rig().get(path + "fup_" + std::string(32, '0')).status(), 404);
}

TEST_F(ApiFollowUps, BadOnesLeaveNoEvent) {
  const Busy busy = begin("bad input");
  for (int i = 0; i < 20; ++i) ASSERT_EQ(rig().post(busy.comments(), body("word " + std::to_string(i))).status(), 201);
  const std::size_t records = rig().records();
  const ApiReply full = rig().post(busy.comments(), body("one more"));
  EXPECT_EQ(full.status(), 409);
  EXPECT_EQ(full.code(), "follow_ups_full");
  EXPECT_EQ(rig().post(busy.follow_ups(), body("one more")).code(), "follow_ups_full");
  EXPECT_EQ(rig().post(busy.comments(), body("@reviewer look")).code(), "working_copy_busy");
  const ApiReply empty = rig().post(busy.follow_ups(), body(""));
  EXPECT_EQ(empty.status(), 400);
  EXPECT_EQ(empty.field(), "body");
  const ApiReply long_one = rig().post(busy.follow_ups(), body(std::string(65'537, 'x')));
  EXPECT_EQ(long_one.status(), 400);
  EXPECT_EQ(long_one.field(), "body");
  EXPECT_EQ(rig().post("/v1/sessions/ses_" + std::string(32, '0') + "/follow-ups", body("x")).status(), 404);
  EXPECT_EQ(rig().records(), records);
}

TEST_F(ApiFollowUps, OfASessionThatIsStoppedStayUndelivered) {
  const Busy busy = begin("stopped");
  const std::string id = rig().post(busy.comments(), body("and this")).text("follow_up_id");
  const ApiReply stopped = rig().post("/v1/sessions/" + busy.session + "/stop", R"({"reason":"enough"})");
  EXPECT_EQ(stopped.status(), 200) << stopped.response.body;
  EXPECT_EQ(rig().get("/v1/tasks/" + busy.task).response.body.find("\"cancel_requested\":false"), std::string::npos);
  report(busy, "stopped end", [](v1::Report& report) { report.mutable_run_cancelled(); });
  EXPECT_EQ(rig().get("/v1/sessions/" + busy.session).text("outcome"), "cancelled");
  EXPECT_EQ(rig().get(busy.follow_ups() + "/" + id).text("status"), "not_delivered");
  EXPECT_EQ(rig().post(busy.follow_ups(), body("too late")).code(), "terminal_state");
  EXPECT_EQ(rig().post("/v1/sessions/" + busy.session + "/stop", "").status(), 200) << "it was stopped before";
}

TEST_F(ApiFollowUps, ThatCameAtTheVeryEndBeginASessionThatContinues) {
  const Busy busy = begin("continued");
  report(busy, "continued end", [](v1::Report& report) { report.mutable_turn_ended()->set_turn(1); });
  const std::string id = rig().post(busy.comments(), body("one more thing")).text("follow_up_id");
  report(busy, "continued done", [](v1::Report& report) { report.mutable_run_completed(); });
  EXPECT_EQ(rig().get(busy.follow_ups() + "/" + id).text("status"), "delivered");
  const ApiReply sessions = rig().get("/v1/issues/" + busy.issue + "/sessions");
  ASSERT_EQ(sessions.items().size(), 2u) << sessions.response.body;
  EXPECT_EQ(sessions.items()[1].text("continues_session_id"), busy.session);
  EXPECT_EQ(sessions.items()[1].text("status"), "requested");
}

}  // namespace
}  // namespace dossier::test
