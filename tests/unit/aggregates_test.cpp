// The rules of the smaller aggregates: names, users, workspaces, members, issues, working copies, sessions, workers.
#include <gtest/gtest.h>

#include "events/fold.hpp"
#include "events/identity.hpp"
#include "events/issue.hpp"
#include "events/project.hpp"
#include "events/session.hpp"
#include "events/worker.hpp"
#include "events/workspace.hpp"

namespace dossier::events {
namespace {

template <class State, class Event>
void fold(State& state, const Result<std::optional<Event>>& decided) {
  ASSERT_TRUE(decided.has_value());
  if (decided->has_value()) {
    ASSERT_TRUE(evolve(state, **decided));
  }
}

TEST(Name, is_owned_once_and_free_again_after_its_release) {
  v1::NameState name;
  fold(name, reserve_name(name, "usr_a", "login"));
  EXPECT_FALSE(reserve_name(name, "usr_a", "login")->has_value()) << "the same owner again yields nothing";
  const auto taken = reserve_name(name, "usr_b", "login");
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, Code::already_exists);
  EXPECT_EQ(taken.error().field, "login");
  fold(name, confirm_name(name, "usr_a"));
  EXPECT_FALSE(confirm_name(name, "usr_a")->has_value());
  EXPECT_FALSE(confirm_name(name, "usr_b").has_value());
  evolve(name, *release_name(name, "usr_a"));
  EXPECT_TRUE(reserve_name(name, "usr_b", "login")->has_value());
}

TEST(Name, has_the_form_of_a_login_or_slug) {
  for (const char* good : {"a", "jo.doe", "jo@example.org", "a-b_c+d"}) EXPECT_TRUE(check_login(good)) << good;
  for (const char* bad : {"", "-a", "a-", "A", "a b", "a\nb"}) EXPECT_EQ(check_login(bad).error().field, "login") << bad;
  EXPECT_TRUE(check_slug("a1"));
  EXPECT_FALSE(check_slug("a"));
  EXPECT_FALSE(check_slug(std::string(65, 'a')));
  EXPECT_TRUE(check_slug(std::string(64, 'a')));
}

v1::AuthSessionOpened auth_session(int n) {
  v1::AuthSessionOpened session;
  session.set_secret_id("sec_" + std::to_string(n));
  return session;
}

TEST(User, revokes_the_oldest_sign_in_when_one_too_many_opens) {
  v1::UserState user;
  user.set_user_id("usr_a");
  for (int n = 0; n < kMaxAuthSessions; ++n)
    for (const auto& event : *open_auth_session(user, auth_session(n))) evolve(user, event);
  ASSERT_EQ(user.auth_sessions_size(), kMaxAuthSessions);
  const auto events = open_auth_session(user, auth_session(kMaxAuthSessions));
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ(events->at(0).auth_session_revoked().secret_id(), "sec_0");
  for (const auto& event : *events) evolve(user, event);
  EXPECT_EQ(user.auth_sessions_size(), kMaxAuthSessions);
  EXPECT_FALSE(revoke_auth_session(user, "sec_0").has_value()) << "revoked once";
  EXPECT_TRUE(open_auth_session(user, auth_session(kMaxAuthSessions))->empty()) << "opened once";
}

TEST(Workspace, replaces_an_agent_profile_of_the_same_name_and_keeps_its_id) {
  v1::WorkspaceState workspace;
  v1::AgentProfileDefined profile;
  profile.set_agent_id("agt_1");
  profile.set_name("codex");
  profile.set_enabled(true);
  fold(workspace, define_agent(workspace, profile));
  profile.set_agent_id("agt_2");
  EXPECT_FALSE(define_agent(workspace, profile)->has_value()) << "nothing changed";
  profile.set_enabled(false);
  fold(workspace, define_agent(workspace, profile));
  ASSERT_EQ(workspace.agents_size(), 1);
  EXPECT_EQ(find_agent(workspace, "codex")->agent_id(), "agt_1");
  EXPECT_EQ(first_enabled_agent(workspace, "codex"), nullptr);
}

TEST(Workspace, knows_which_worker_tokens_live) {
  v1::WorkspaceState workspace;
  v1::WorkerTokenIssued token;
  token.set_secret_id("sec_1");
  fold(workspace, issue_worker_token(workspace, token));
  EXPECT_TRUE(worker_token_is_live(workspace, "sec_1"));
  fold(workspace, revoke_worker_token(workspace, "sec_1"));
  EXPECT_FALSE(worker_token_is_live(workspace, "sec_1"));
  EXPECT_FALSE(revoke_worker_token(workspace, "sec_1")->has_value());
  EXPECT_EQ(revoke_worker_token(workspace, "sec_2").error().code, Code::not_found);
}

TEST(Members, learn_that_it_exists_only_if_they_are_members) {
  v1::MembersState members;
  v1::MembersEvent added;
  added.mutable_member_added()->set_user_id("usr_a");
  added.mutable_member_added()->set_role(v1::MEMBER);
  evolve(members, added);
  EXPECT_EQ(require_role(members, "usr_b", v1::VIEWER).error().code, Code::not_found);
  EXPECT_EQ(require_role(members, "usr_a", v1::ADMIN).error().code, Code::forbidden);
  EXPECT_TRUE(require_role(members, "usr_a", v1::MEMBER));
}

TEST(Project, takes_sources_and_branches_that_git_would_take) {
  v1::ProjectSource source;
  EXPECT_EQ(check_source(source).error().code, Code::missing_field);
  for (const char* good : {"https://example.org/a.git", "git@example.org:a/b.git", "ssh://h/a", "file:///srv/a.git"}) {
    source.set_git_url(good);
    EXPECT_TRUE(check_source(source)) << good;
  }
  for (const char* bad : {"", "--upload-pack=x", "https://", "https://-x", "ext::sh -c id", "a b:c"}) {
    source.set_git_url(bad);
    EXPECT_EQ(check_source(source).error().field, "git_url") << bad;
  }
  source.set_local_path("relative");
  EXPECT_EQ(check_source(source).error().field, "local_path");
  for (const char* good : {"main", "feature/a-b", "v1.2"}) EXPECT_TRUE(check_branch(good, "b")) << good;
  for (const char* bad : {"", "-a", "a..b", "a b", "a/", "/a", "a//b", "a.lock", "x/.y", "a~1", "@", "a@{b", "a."})
    EXPECT_FALSE(check_branch(bad, "b")) << bad;
}

TEST(Issue, understands_the_status_words_of_other_trackers) {
  EXPECT_EQ(parse_status("in_progress"), v1::OPEN);
  EXPECT_EQ(parse_status("in_review"), v1::NEEDS_REVIEW);
  EXPECT_EQ(parse_status("ready_to_test"), v1::READY_FOR_TEST);
  EXPECT_EQ(parse_status("completed"), v1::CLOSED);
  EXPECT_FALSE(parse_status("whatever").has_value());
  for (v1::IssueStatus status : {v1::OPEN, v1::NEEDS_REVIEW, v1::READY_FOR_TEST, v1::CLOSED}) EXPECT_EQ(parse_status(status_name(status)), status);
}

TEST(Issue, yields_nothing_for_an_edit_that_changes_nothing) {
  v1::IssueState issue;
  issue.set_issue_id("iss_1");
  issue.set_status(v1::OPEN);
  issue.mutable_title()->set_plain("a");
  EXPECT_TRUE(edit_issue(issue, {.title = "a", .body = {}, .status = v1::OPEN}).empty());
  const auto events = edit_issue(issue, {.title = "b", .body = {}, .status = v1::CLOSED});
  ASSERT_EQ(events.size(), 2u);
  for (const auto& event : events) evolve(issue, event);
  EXPECT_TRUE(edit_issue(issue, {.title = "b", .body = {}, .status = v1::CLOSED}).empty());
}

TEST(WorkingCopy, has_one_session_at_a_time_and_a_generation_each) {
  v1::CopyState copy;
  fold(copy, reserve_copy(copy, "ses_a"));
  EXPECT_EQ(copy.generation(), 1u);
  EXPECT_EQ(reserve_copy(copy, "ses_b").error().code, Code::working_copy_busy);
  EXPECT_FALSE(reserve_copy(copy, "ses_a")->has_value());
  EXPECT_FALSE(release_copy(copy, "ses_b", "").has_value()) << "only its holder releases it";
  evolve(copy, *release_copy(copy, "ses_a", "abc"));
  EXPECT_FALSE(release_copy(copy, "ses_a", "abc").has_value());
  fold(copy, reserve_copy(copy, "ses_b"));
  EXPECT_EQ(copy.generation(), 2u);
}

TEST(Session, counts_each_turn_once_and_absorbs_after_its_end) {
  v1::SessionState session;
  v1::SessionEvent requested;
  requested.mutable_session_requested()->set_session_id("ses_a");
  evolve(session, requested);
  v1::TurnStarted began;
  began.set_turn(1);
  fold(session, begin_turn(session, began));
  EXPECT_FALSE(begin_turn(session, began)->has_value());
  v1::TurnCompleted ended;
  ended.set_turn(1);
  fold(session, end_turn(session, ended));
  EXPECT_FALSE(end_turn(session, ended)->has_value());
  evolve(session, *end_session(session, "completed"));
  EXPECT_FALSE(end_session(session, "failed").has_value());
  EXPECT_EQ(begin_turn(session, began).error().code, Code::terminal_state);
}

v1::Capability capability(const char* name, const char* value) {
  v1::Capability made;
  made.set_name(name);
  made.set_value(value);
  return made;
}

TEST(Worker, satisfies_what_it_offers_with_the_same_value) {
  Capabilities offered, required;
  EXPECT_TRUE(satisfies(offered, required)) << "nothing required matches anyone";
  *required.Add() = capability("codex", "true");
  EXPECT_FALSE(satisfies(offered, required));
  *offered.Add() = capability("codex", "false");
  EXPECT_FALSE(satisfies(offered, required));
  *offered.Add() = capability("codex", "true");
  EXPECT_TRUE(satisfies(offered, required));
}

TEST(Fold, moves_on_over_an_event_it_does_not_know_and_says_so) {
  v1::EventPayload known;
  known.mutable_task()->mutable_task_queued()->set_task_id("tsk_1");
  FoldedStream stream("task/tsk_1", "");
  stream.evolve(known, {});
  EXPECT_FALSE(stream.needs_newer_code());
  const std::string before = stream.state();
  v1::EventPayload unknown;
  ASSERT_TRUE(unknown.ParseFromString(std::string("\x5a\x04\xfa\x3e\x01\x41", 6))) << "task { field 1007 }";
  stream.evolve(unknown, {});
  EXPECT_TRUE(stream.needs_newer_code());
  EXPECT_EQ(stream.state(), before);
  EXPECT_TRUE(FoldedStream("galaxy/far", "").needs_newer_code());
}

TEST(Fold, reads_back_what_it_wrote) {
  v1::EventPayload payload;
  payload.mutable_copy()->mutable_working_copy_reserved()->set_session_id("ses_a");
  payload.mutable_copy()->mutable_working_copy_reserved()->set_generation(4);
  FoldedStream first("issue/iss_1/copy", "");
  first.evolve(payload, {});
  v1::CopyState state;
  ASSERT_TRUE(state.ParseFromString(FoldedStream("issue/iss_1/copy", first.state()).state()));
  EXPECT_EQ(state.active_session_id(), "ses_a");
  EXPECT_EQ(state.generation(), 4u);
}

}  // namespace
}  // namespace dossier::events
