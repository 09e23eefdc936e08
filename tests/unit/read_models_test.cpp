// Read models: given these events, these rows.
#include <gtest/gtest.h>

#include <random>

#include "platform/json/json.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/table_rows.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;
using test::hex_id;
using test::make_fact;

const std::string kIssue = hex_id("iss", 1);
const std::string kComment = hex_id("cmt", 1);
const std::string kSession = hex_id("ses", 1);
const std::string kTask = hex_id("tsk", 1);
const std::string kWorker = hex_id("wkr", 1);

class ReadModels : public ::testing::Test {
 protected:
  EventScript script_;

  template <class Fill>
  void issue(Fill fill) {
    script_.commit({make_fact("issue/" + kIssue, kIssue, [&](v1::EventPayload& p) { fill(*p.mutable_issue()); })});
  }
  template <class Fill>
  void comment(Fill fill, const std::string& id = kComment) {
    script_.commit({make_fact("comment/" + id, kIssue, [&](v1::EventPayload& p) { fill(*p.mutable_comment()); })});
  }
  template <class Fill>
  void session(Fill fill) {
    script_.commit({make_fact("session/" + kSession, kIssue, [&](v1::EventPayload& p) { fill(*p.mutable_session()); })});
  }
  template <class Fill>
  void task(Fill fill) {
    script_.commit({make_fact("task/" + kTask, kIssue, [&](v1::EventPayload& p) { fill(*p.mutable_task()); })});
  }
  template <class Fill>
  void fact(std::string stream, Fill fill) {
    script_.commit({make_fact(std::move(stream), "", fill)});
  }
  void open_issue() {
    issue([](v1::IssueEvent& e) {
      e.mutable_issue_opened()->set_issue_id(kIssue);
      *e.mutable_issue_opened()->mutable_title() = events::plain("A \"title\"");
      *e.mutable_issue_opened()->mutable_body() = events::plain("body");
      e.mutable_issue_opened()->set_status(v1::OPEN);
    });
  }
  void add_comment(const std::string& id = kComment) {
    comment(
        [&](v1::CommentEvent& e) {
          e.mutable_comment_added()->set_comment_id(id);
          e.mutable_comment_added()->set_issue_id(kIssue);
          *e.mutable_comment_added()->mutable_body() = events::plain("first\nline");
        },
        id);
  }
  void queue_task() {
    task([](v1::TaskEvent& e) {
      v1::TaskQueued& queued = *e.mutable_task_queued();
      queued.set_task_id(kTask);
      queued.set_kind("agent");
      queued.set_session_id(kSession);
      queued.set_priority(5);
      queued.set_pool("pool-a");
      queued.set_max_attempts(3);
      auto& capability = *queued.add_required_capabilities();
      capability.set_name("gpu");
      capability.set_value("true");
      queued.mutable_spec()->set_provider("codex");
    });
  }
  std::string cell(std::string_view table, std::string_view column, std::string_view first = {}) {
    return test::project_all(script_).cell(table, column, first);
  }
};

TEST_F(ReadModels, an_opened_issue_is_a_row_ready_to_be_served) {
  open_issue();
  EXPECT_EQ(cell("issues", "id"), kIssue);
  EXPECT_EQ(cell("issues", "workspace"), script_.workspace());
  EXPECT_EQ(cell("issues", "title_json"), "\"A \\\"title\\\"\"");
  EXPECT_EQ(cell("issues", "status"), "open");
  EXPECT_EQ(cell("issues", "author_id"), hex_id("usr", 7));
  EXPECT_EQ(cell("issues", "comment_count"), "0");
  EXPECT_EQ(cell("issues", "created_us"), cell("issues", "updated_us"));
  EXPECT_EQ(cell("issues", "seq"), "1");
}

TEST_F(ReadModels, an_issue_takes_its_number_from_the_version_of_the_workspaces_stream) {
  open_issue();
  for (int i = 0; i < 3; ++i)
    fact("workspace/" + script_.workspace() + "/issues",
         [&](v1::EventPayload& p) { p.mutable_issue_numbers()->mutable_issue_numbered()->set_issue_id(hex_id("iss", i == 2 ? 1 : 9)); });
  EXPECT_EQ(cell("issues", "number", kIssue), "3");
}

TEST_F(ReadModels, an_edit_of_the_title_leaves_the_body) {
  open_issue();
  issue([](v1::IssueEvent& e) { *e.mutable_issue_edited()->mutable_title() = events::plain("new"); });
  EXPECT_EQ(cell("issues", "title_json"), "\"new\"");
  EXPECT_EQ(cell("issues", "body_json"), "\"body\"");
  EXPECT_EQ(cell("issues", "seq"), "2");
}

TEST_F(ReadModels, sealed_text_is_null) {
  issue([](v1::IssueEvent& e) { e.mutable_issue_opened()->mutable_title()->mutable_sealed()->set_key_id("k"); });
  EXPECT_EQ(cell("issues", "title_json"), "null");
}

TEST_F(ReadModels, status_project_labels_and_assignee_follow_their_events) {
  open_issue();
  issue([](v1::IssueEvent& e) { e.mutable_issue_status_changed()->set_to(v1::NEEDS_REVIEW); });
  issue([](v1::IssueEvent& e) { e.mutable_project_attached()->set_project_id("prj_1"); });
  issue([](v1::IssueEvent& e) {
    e.mutable_labels_replaced()->add_labels("a");
    e.mutable_labels_replaced()->add_labels("b\"");
  });
  issue([](v1::IssueEvent& e) { e.mutable_assignee_set()->set_user_id("usr_9"); });
  EXPECT_EQ(cell("issues", "status"), "needs_review");
  EXPECT_EQ(cell("issues", "project_id"), "prj_1");
  EXPECT_EQ(cell("issues", "labels_json"), "[\"a\",\"b\\\"\"]");
  EXPECT_EQ(cell("issues", "assignee_id"), "usr_9");
}

TEST_F(ReadModels, comments_count_into_their_issue_and_removed_ones_out_of_it) {
  open_issue();
  add_comment();
  add_comment(hex_id("cmt", 2));
  comment([](v1::CommentEvent& e) { e.mutable_comment_removed(); });
  EXPECT_EQ(cell("issues", "comment_count"), "1");
  EXPECT_EQ(cell("issues", "seq"), "4");
}

TEST_F(ReadModels, a_reserved_working_copy_names_the_active_session_until_it_is_released) {
  open_issue();
  const auto copy = [&](auto fill) {
    script_.commit({make_fact("issue/" + kIssue + "/copy", kIssue, [&](v1::EventPayload& p) { fill(*p.mutable_copy()); })});
  };
  copy([](v1::CopyEvent& e) {
    e.mutable_working_copy_reserved()->set_session_id(kSession);
    e.mutable_working_copy_reserved()->set_generation(2);
  });
  EXPECT_EQ(cell("issues", "active_session_id"), kSession);
  copy([](v1::CopyEvent& e) { e.mutable_working_copy_released()->set_generation(2); });
  EXPECT_EQ(cell("issues", "active_session_id"), "");
  EXPECT_EQ(cell("issues", "copy_generation"), "2");
}

TEST_F(ReadModels, a_comment_is_served_from_its_fragments) {
  add_comment();
  EXPECT_EQ(cell("comments", "head_json"), "\"id\":\"" + kComment + "\",\"issue_id\":\"" + kIssue + "\",\"author_id\":\"" + hex_id("usr", 7) +
                                               "\",\"created_at\":\"1970-01-01T00:00:02.001000Z\"");
  EXPECT_EQ(cell("comments", "body_json"), "\"first\\nline\"");
  EXPECT_EQ(cell("comments", "edited"), "false");
  EXPECT_EQ(cell("comments", "first_seq"), "1");
}

TEST_F(ReadModels, an_edited_comment_keeps_its_head_and_place) {
  add_comment();
  const std::string head = cell("comments", "head_json");
  comment([](v1::CommentEvent& e) { *e.mutable_comment_edited()->mutable_body() = events::plain("second"); });
  EXPECT_EQ(cell("comments", "body_json"), "\"second\"");
  EXPECT_EQ(cell("comments", "edited"), "true");
  EXPECT_EQ(cell("comments", "head_json"), head);
  EXPECT_EQ(cell("comments", "first_seq"), "1");
  EXPECT_EQ(cell("comments", "seq"), "2");
}

TEST_F(ReadModels, a_removed_comment_has_no_body_left) {
  add_comment();
  comment([](v1::CommentEvent& e) { e.mutable_comment_removed(); });
  EXPECT_EQ(cell("comments", "removed"), "true");
  EXPECT_EQ(cell("comments", "body_json"), "null");
}

TEST_F(ReadModels, the_timeline_has_every_event_of_the_issue_in_order_as_valid_json) {
  open_issue();
  add_comment();
  fact("project/prj_1", [](v1::EventPayload& p) { p.mutable_project()->mutable_project_removed(); });
  const auto rows = test::project_all(script_);
  EXPECT_EQ(rows.count("timeline"), 2u);
  const auto item = json::parse(rows.cell("timeline", "doc"));
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->text("type"), "issue_opened");
  EXPECT_EQ(item->text("issue_id"), kIssue);
  EXPECT_EQ(item->find("actor")->text("kind"), "user");
  EXPECT_EQ(item->find("data")->text("title"), "A \"title\"");
  EXPECT_EQ(item->integer_or("seq", 0), 1);
}

TEST_F(ReadModels, a_session_goes_from_requested_to_ended_and_sums_its_tokens) {
  session([](v1::SessionEvent& e) {
    e.mutable_session_requested()->set_session_id(kSession);
    e.mutable_session_requested()->set_issue_id(kIssue);
    e.mutable_session_requested()->set_agent_name("codex");
  });
  EXPECT_EQ(cell("sessions", "status"), "requested");
  queue_task();
  session([](v1::SessionEvent& e) {
    e.mutable_session_started()->set_worker_id(kWorker);
    e.mutable_session_started()->set_provider_session("p-1");
  });
  for (std::uint32_t turn = 1; turn <= 2; ++turn)
    session([&](v1::SessionEvent& e) {
      e.mutable_turn_completed()->set_turn(turn);
      e.mutable_turn_completed()->set_tokens_in(100);
      e.mutable_turn_completed()->set_tokens_out(7);
    });
  session([](v1::SessionEvent& e) { e.mutable_session_ended()->set_outcome("completed"); });
  EXPECT_EQ(cell("sessions", "status"), "ended");
  EXPECT_EQ(cell("sessions", "outcome"), "completed");
  EXPECT_EQ(cell("sessions", "worker_id"), kWorker);
  EXPECT_EQ(cell("sessions", "task_id"), kTask);
  EXPECT_EQ(cell("sessions", "turns"), "2");
  EXPECT_EQ(cell("sessions", "tokens_in"), "200");
  EXPECT_EQ(cell("sessions", "tokens_out"), "14");
}

TEST_F(ReadModels, captured_source_lands_on_its_session_inline_or_as_a_blob) {
  issue([](v1::IssueEvent& e) {
    v1::SourceCaptured& source = *e.mutable_source_captured();
    source.set_session_id(kSession);
    source.set_base_commit("b");
    source.set_commit("c");
    source.add_files()->set_path("src/a.c");
    *source.mutable_diff() = events::plain("+x\n");
  });
  EXPECT_EQ(cell("sessions", "commit"), "c");
  EXPECT_EQ(cell("sessions", "diff_json"), "\"+x\\n\"");
  EXPECT_EQ(cell("sessions", "diff_blob_json"), "null");
  const auto files = json::parse(cell("sessions", "files_json"));
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(files->array()->at(0).text("path"), "src/a.c");
  issue([](v1::IssueEvent& e) {
    e.mutable_source_captured()->set_session_id(kSession);
    e.mutable_source_captured()->mutable_diff_blob()->set_sha256("ff");
  });
  EXPECT_EQ(cell("sessions", "diff_json"), "null");
  EXPECT_EQ(json::parse(cell("sessions", "diff_blob_json"))->text("sha256"), "ff");
}

TEST_F(ReadModels, a_queued_task_has_all_that_the_scheduler_matches) {
  queue_task();
  EXPECT_EQ(cell("tasks", "status"), "queued");
  EXPECT_EQ(cell("tasks", "pool"), "pool-a");
  EXPECT_EQ(cell("tasks", "priority"), "5");
  EXPECT_EQ(cell("tasks", "issue_id"), kIssue);
  v1::TaskQueued queued;
  ASSERT_TRUE(queued.ParseFromString(cell("tasks", "queued")));
  EXPECT_EQ(queued.required_capabilities(0).name(), "gpu");
  EXPECT_EQ(queued.spec().provider(), "codex");
}

TEST_F(ReadModels, a_task_has_the_status_of_its_aggregate_at_every_step) {
  const auto offered = [](std::uint32_t n) {
    return [n](v1::TaskEvent& e) {
      e.mutable_task_offered()->set_offer(n);
      e.mutable_task_offered()->set_worker_id(kWorker);
      e.mutable_task_offered()->set_deadline_us(99);
    };
  };
  queue_task();
  task(offered(1));
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "worker_id"), "offered" + kWorker);
  task([](v1::TaskEvent& e) { e.mutable_task_offer_lapsed()->set_offer(1); });
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "worker_id"), "queued");
  task(offered(2));
  task([](v1::TaskEvent& e) {
    e.mutable_task_claimed()->set_attempt(1);
    e.mutable_task_claimed()->set_worker_id(kWorker);
  });
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "attempts"), "claimed1");
  task([](v1::TaskEvent& e) { e.mutable_task_started(); });
  EXPECT_EQ(cell("tasks", "status"), "running");
  task([](v1::TaskEvent& e) { e.mutable_task_lease_expired(); });
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "worker_id"), "queued");
  task([](v1::TaskEvent& e) {
    e.mutable_task_failed()->set_code("agent_failed");
    e.mutable_task_failed()->set_retryable(true);
  });
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "error_code"), "queuedagent_failed");
  EXPECT_EQ(cell("tasks", "ended_us"), "");
  task([](v1::TaskEvent& e) { e.mutable_task_completed()->set_commit("c0ffee"); });
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "commit"), "completedc0ffee");
  EXPECT_NE(cell("tasks", "ended_us"), "");
}

TEST_F(ReadModels, a_late_result_changes_nothing) {
  queue_task();
  task([](v1::TaskEvent& e) { e.mutable_task_cancelled(); });
  task([](v1::TaskEvent& e) { e.mutable_late_result_recorded()->set_offer(1); });
  EXPECT_EQ(cell("tasks", "status") + cell("tasks", "seq"), "cancelled2");
}

TEST_F(ReadModels, a_follow_up_is_a_row_that_says_what_became_of_it) {
  const auto queue = [&](const std::string& id, const std::string& body) {
    session([&](v1::SessionEvent& e) {
      e.mutable_follow_up_queued()->set_follow_up_id(id);
      e.mutable_follow_up_queued()->set_comment_id(id == "fup_1" ? kComment : "");
      *e.mutable_follow_up_queued()->mutable_body() = events::plain(body);
    });
  };
  queue("fup_1", "first");
  queue("fup_2", "second");
  queue("fup_3", "third");
  EXPECT_EQ(cell("follow_ups", "session_id", "fup_1") + cell("follow_ups", "issue_id", "fup_1"), kSession + kIssue);
  EXPECT_EQ(cell("follow_ups", "head_json", "fup_1").substr(0, 12), "\"id\":\"fup_1\"");
  EXPECT_NE(cell("follow_ups", "head_json", "fup_1").find("\"comment_id\":\"" + kComment + "\",\"author_id\":\"" + hex_id("usr", 7)),
            std::string::npos);
  EXPECT_NE(cell("follow_ups", "head_json", "fup_2").find("\"comment_id\":null"), std::string::npos);
  EXPECT_EQ(cell("follow_ups", "status", "fup_1") + cell("follow_ups", "steer_requested", "fup_1"), "waitingfalse");
  session([](v1::SessionEvent& e) {
    e.mutable_follow_up_edited()->set_follow_up_id("fup_1");
    *e.mutable_follow_up_edited()->mutable_body() = events::plain("changed");
  });
  EXPECT_EQ(cell("follow_ups", "body_json", "fup_1"), "\"changed\"");
  session([](v1::SessionEvent& e) { e.mutable_follow_up_steer_requested()->set_follow_up_id("fup_1"); });
  EXPECT_EQ(cell("follow_ups", "steer_requested", "fup_1"), "true");
  session([](v1::SessionEvent& e) {
    e.mutable_follow_up_delivered()->set_follow_up_id("fup_1");
    e.mutable_follow_up_delivered()->set_turn(4);
    e.mutable_follow_up_delivered()->set_steered(true);
  });
  EXPECT_EQ(cell("follow_ups", "status", "fup_1") + cell("follow_ups", "turn", "fup_1") + cell("follow_ups", "steered", "fup_1"), "delivered4true");
  session([](v1::SessionEvent& e) { e.mutable_follow_up_removed()->set_follow_up_id("fup_2"); });
  EXPECT_EQ(cell("follow_ups", "status", "fup_2"), "removed");
  EXPECT_EQ(cell("follow_ups", "status", "fup_3") + cell("follow_ups", "body_json", "fup_3"), "waiting\"third\"");
}

TEST_F(ReadModels, a_session_names_the_one_that_it_continues) {
  session([](v1::SessionEvent& e) { e.mutable_session_requested()->set_continues_session_id(hex_id("ses", 9)); });
  EXPECT_EQ(cell("sessions", "continues_session_id"), hex_id("ses", 9));
}

TEST_F(ReadModels, refused_evidence_is_in_the_timeline) {
  issue([](v1::IssueEvent& e) {
    e.mutable_evidence_rejected()->set_name("review-evidence.json");
    e.mutable_evidence_rejected()->set_code("not_json");
  });
  EXPECT_NE(cell("timeline", "doc").find(R"("type":"evidence_rejected","data":{"name":"review-evidence.json","code":"not_json"})"),
            std::string::npos);
}

TEST_F(ReadModels, a_limit_that_was_reached_is_in_the_timeline) {
  session([](v1::SessionEvent& e) {
    e.mutable_limit_reached()->set_limit("disk");
    e.mutable_limit_reached()->set_allowed(10);
  });
  EXPECT_NE(cell("timeline", "doc").find(R"("type":"limit_reached","data":{"limit":"disk","allowed":10})"), std::string::npos);
}

TEST_F(ReadModels, a_worker_shows_its_capabilities_as_json_also_where_a_value_is_none) {
  fact("worker/" + kWorker, [](v1::EventPayload& p) {
    v1::WorkerRegistered& registered = *p.mutable_worker()->mutable_worker_registered();
    registered.set_worker_id(kWorker);
    registered.set_slots(2);
    for (const auto& [name, value] : {std::pair("gpu", "true"), {"cores", "8"}, {"kind", "\"a\""}, {"odd", "x\"y"}}) {
      registered.add_capabilities()->set_name(name);
      registered.mutable_capabilities()->rbegin()->set_value(value);
    }
  });
  EXPECT_EQ(cell("workers", "capabilities_json"), R"({"gpu":true,"cores":8,"kind":"a","odd":"x\"y"})");
  EXPECT_EQ(cell("workers", "status"), "registered");
  fact("worker/" + kWorker, [](v1::EventPayload& p) { p.mutable_worker()->mutable_worker_online()->set_boot_id("b"); });
  EXPECT_EQ(cell("workers", "status"), "online");
  fact("worker/" + kWorker, [](v1::EventPayload& p) { p.mutable_worker()->mutable_worker_lost()->set_last_seen_us(5); });
  EXPECT_EQ(cell("workers", "status") + cell("workers", "last_seen_us"), "lost5");
}

TEST_F(ReadModels, users_their_sessions_and_names_follow_the_identity_domain) {
  const std::string user = hex_id("usr", 1);
  fact("user/" + user, [&](v1::EventPayload& p) {
    auto& registered = *p.mutable_identity()->mutable_user_registered();
    registered.set_user_id(user);
    *registered.mutable_login() = events::plain("ada");
    registered.set_password_secret_id("sec_1");
    registered.set_admin(true);
  });
  fact("user/" + user, [&](v1::EventPayload& p) { p.mutable_identity()->mutable_password_changed()->set_password_secret_id("sec_2"); });
  fact("user/" + user, [&](v1::EventPayload& p) {
    p.mutable_identity()->mutable_auth_session_opened()->set_secret_id("sec_3");
    p.mutable_identity()->mutable_auth_session_opened()->set_expires_at_us(9);
  });
  EXPECT_EQ(cell("users", "login_json") + cell("users", "password_secret_id") + cell("users", "admin"), "\"ada\"sec_2true");
  EXPECT_EQ(cell("auth_sessions", "user_id") + cell("auth_sessions", "revoked"), user + "false");
  fact("user/" + user, [&](v1::EventPayload& p) { p.mutable_identity()->mutable_auth_session_revoked()->set_secret_id("sec_3"); });
  EXPECT_EQ(cell("auth_sessions", "revoked"), "true");

  fact("slug/home", [&](v1::EventPayload& p) { p.mutable_identity()->mutable_name_reserved()->set_owner("ws_1"); });
  EXPECT_EQ(cell("names", "owner") + cell("names", "confirmed"), "ws_1false");
  fact("slug/home", [&](v1::EventPayload& p) { p.mutable_identity()->mutable_name_confirmed()->set_owner("ws_1"); });
  EXPECT_EQ(cell("names", "confirmed"), "true");
  fact("slug/home", [&](v1::EventPayload& p) { p.mutable_identity()->mutable_name_released()->set_owner("ws_1"); });
  EXPECT_EQ(cell("names", "owner") + cell("names", "confirmed"), "false");
}

TEST_F(ReadModels, a_workspace_its_members_tokens_and_agents) {
  const std::string workspace = "workspace/" + script_.workspace();
  fact(workspace, [&](v1::EventPayload& p) {
    auto& created = *p.mutable_workspace()->mutable_workspace_created();
    created.set_kind(v1::WorkspaceCreated::PERSONAL);
    created.set_slug("home");
    *created.mutable_name() = events::plain("Home");
  });
  EXPECT_EQ(cell("workspaces", "id") + cell("workspaces", "kind") + cell("workspaces", "slug"), script_.workspace() + "personalhome");
  fact(workspace, [](v1::EventPayload& p) { *p.mutable_workspace()->mutable_workspace_renamed()->mutable_name() = events::plain("New"); });
  EXPECT_EQ(cell("workspaces", "name_json"), "\"New\"");

  fact(workspace + "/members", [](v1::EventPayload& p) {
    p.mutable_members()->mutable_member_added()->set_user_id("usr_1");
    p.mutable_members()->mutable_member_added()->set_role(v1::OWNER);
  });
  EXPECT_EQ(cell("members", "role"), "owner");
  fact(workspace + "/members", [](v1::EventPayload& p) { p.mutable_members()->mutable_member_removed()->set_user_id("usr_1"); });
  EXPECT_EQ(cell("members", "removed"), "true");

  fact(workspace, [](v1::EventPayload& p) { p.mutable_workspace()->mutable_worker_token_issued()->set_secret_id("sec_1"); });
  EXPECT_EQ(cell("worker_tokens", "revoked"), "false");
  fact(workspace, [](v1::EventPayload& p) { p.mutable_workspace()->mutable_worker_token_revoked()->set_secret_id("sec_1"); });
  EXPECT_EQ(cell("worker_tokens", "revoked"), "true");

  fact(workspace, [](v1::EventPayload& p) {
    auto& agent = *p.mutable_workspace()->mutable_agent_profile_defined();
    agent.set_agent_id("agt_1");
    agent.set_name("codex");
    agent.set_enabled(true);
    agent.add_command("run");
  });
  EXPECT_EQ(cell("agents", "name") + cell("agents", "enabled") + cell("agents", "command_json"), "codextrue[\"run\"]");
}

TEST_F(ReadModels, a_project_changes_its_source_whole) {
  fact("project/prj_1", [](v1::EventPayload& p) {
    auto& created = *p.mutable_project()->mutable_project_created();
    created.mutable_source()->set_git_url("https://example.org/r.git");
    created.set_default_branch("main");
  });
  EXPECT_EQ(cell("projects", "git_url") + cell("projects", "trusted"), "https://example.org/r.gitfalse");
  fact("project/prj_1", [](v1::EventPayload& p) { p.mutable_project()->mutable_project_updated()->mutable_source()->set_local_path("/r"); });
  EXPECT_EQ(cell("projects", "git_url") + cell("projects", "local_path") + cell("projects", "default_branch"), "/rmain");
}

TEST_F(ReadModels, a_stream_of_another_form_touches_no_row) {
  script_.commit({make_fact("issue/" + kIssue + "/other", kIssue, [](v1::EventPayload& p) { p.mutable_issue()->mutable_issue_opened(); })});
  EXPECT_EQ(test::project_all(script_).count("issues"), 0u);
}

TEST(Registry, a_read_model_says_which_aggregates_it_takes) {
  std::mt19937_64 random(9);
  const auto script = test::random_history(random, 2'000);
  test::for_each_accepted(script, [](const AcceptedEvent& event) {
    for (const auto& model : registry()) {
      if ((model.of >> event.payload.aggregate_case() & 1u) != 0) continue;
      rows::Batch batch;
      model.project(event, batch);
      EXPECT_TRUE(batch.empty()) << model.name << " takes events of aggregate " << event.payload.aggregate_case();
    }
  });
}

TEST(Registry, names_and_tables_are_unique_and_every_row_carries_its_workspace_and_seq) {
  std::vector<std::string_view> names;
  for (const auto& model : registry()) {
    names.push_back(model.name);
    for (const auto* table : model.tables) {
      names.push_back(model.name == table->name ? "" : table->name);
      const auto has = [&](std::string_view column) {
        return std::any_of(table->columns.begin(), table->columns.end(), [&](const rows::Column& c) { return c.name == column; });
      };
      EXPECT_TRUE(has("workspace") || table->name == "workspaces") << table->name;
      EXPECT_TRUE(has("seq")) << table->name;
    }
  }
  std::erase(names, "");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace dossier::projections
