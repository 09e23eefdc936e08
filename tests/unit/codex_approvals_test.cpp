// What Codex asks for and how each is answered, one rule each.
#include "worker/agents/codex_approvals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/agents/codex_usage.hpp"

namespace dossier::worker::codex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Frame request(const std::string& method, const std::string& params = "{}") {
  const auto frame = read_frame(R"({"method":")" + method + R"(","id":7,"params":)" + params + "}");
  EXPECT_TRUE(frame) << params;
  return *frame;
}

class CodexApprovals : public ::testing::Test {
 protected:
  AgentApproval ask(const std::string& method, const std::string& params) {
    const auto approval = approval_of(request(method, params), items_, "/w");
    EXPECT_TRUE(approval);
    return approval.value_or(AgentApproval());
  }
  static std::string answer(const std::string& method, Decision decision, const std::string& params = "{}", const std::string& text = "") {
    return answer_line(request(method, params), decision, "why", text, Version{0, 169, 0});
  }

  std::vector<AgentEvent> events_;
  Items items_{"/w", events_};
};

TEST_F(CodexApprovals, every_request_is_refused_in_the_form_it_expects) {
  const std::optional<Version> older = Version{0, 130, 0};
  const auto refused = [&](const char* method) { return refusal_line(request(method), older); };
  EXPECT_EQ(refused("item/commandExecution/requestApproval"), "{\"id\":7,\"result\":{\"decision\":\"decline\"}}\n");
  EXPECT_EQ(refused("item/fileChange/requestApproval"), "{\"id\":7,\"result\":{\"decision\":\"decline\"}}\n");
  EXPECT_EQ(refused("execCommandApproval"), "{\"id\":7,\"result\":{\"decision\":\"denied\"}}\n");
  EXPECT_EQ(refused("item/permissions/requestApproval"), "{\"id\":7,\"result\":{\"permissions\":{},\"scope\":\"turn\"}}\n");
  EXPECT_EQ(refused("item/tool/requestUserInput"), "{\"id\":7,\"result\":{\"answers\":{}}}\n");
  EXPECT_EQ(refused("mcpServer/elicitation/request"), "{\"id\":7,\"result\":{\"action\":\"decline\",\"content\":null,\"_meta\":null}}\n");
  EXPECT_THAT(refused("item/tool/call"), HasSubstr("\"success\":false"));
  EXPECT_EQ(refused("something/new"), "{\"id\":7,\"error\":{\"code\":-32601,\"message\":\"this client does not answer something/new\"}}\n");
}

TEST_F(CodexApprovals, an_answer_carries_the_id_as_it_came) {
  const auto frame = read_frame(R"({"method":"something/new","id":"q-1","params":{}})");
  ASSERT_TRUE(frame);
  EXPECT_THAT(refusal_line(*frame, std::nullopt), HasSubstr("\"id\":\"q-1\""));
}

TEST_F(CodexApprovals, each_decision_has_its_word_in_each_dialect) {
  const char* const words[] = {"\"accept\"", "\"acceptForSession\"", "\"decline\"", "\"cancel\""};
  const char* const legacy[] = {"\"approved\"", "\"approved_for_session\"", "{\"denied\":{\"rejection\":\"why\"}}", "\"abort\""};
  for (int at = 0; at < 4; ++at) {
    const auto decision = static_cast<Decision>(at);
    EXPECT_EQ(decision_of(name_of(decision)), decision);
    EXPECT_THAT(answer("item/commandExecution/requestApproval", decision), HasSubstr(words[at]));
    EXPECT_THAT(answer("item/fileChange/requestApproval", decision), HasSubstr(words[at]));
    EXPECT_THAT(answer("execCommandApproval", decision), HasSubstr(legacy[at]));
    EXPECT_THAT(answer("applyPatchApproval", decision), HasSubstr(legacy[at]));
  }
  EXPECT_EQ(decision_of("maybe"), std::nullopt);
}

TEST_F(CodexApprovals, a_command_is_asked_with_its_words_and_its_folder_in_the_worktree) {
  const AgentApproval approval =
      ask("item/commandExecution/requestApproval", R"({"itemId":"c","command":"make test","cwd":"/w/src","reason":"to see","kind":"command"})");
  EXPECT_EQ(approval.request, "7");
  EXPECT_EQ(approval.kind, "command");
  EXPECT_EQ(approval.command, "make test");
  EXPECT_EQ(approval.cwd, "src");
  EXPECT_EQ(approval.reason, "to see");
  EXPECT_EQ(approval.detail, "");
}

TEST_F(CodexApprovals, a_command_without_words_takes_those_of_its_item_or_names_the_host) {
  items_.started(*json::parse(R"({"type":"commandExecution","id":"c","command":"make"})"));
  EXPECT_EQ(ask("item/commandExecution/requestApproval", R"({"itemId":"c"})").command, "make");
  const AgentApproval network =
      ask("item/commandExecution/requestApproval", R"({"itemId":"d","networkApprovalContext":{"host":"example.org","protocol":"https"}})");
  EXPECT_EQ(network.command, "connect to https://example.org");
  EXPECT_THAT(network.detail, HasSubstr("example.org"));
}

TEST_F(CodexApprovals, a_file_change_is_asked_with_the_patch_that_began_before_it) {
  items_.started(*json::parse(R"({"type":"fileChange","id":"f","changes":[
    {"path":"/w/a.txt","kind":{"type":"update","move_path":"/w/c.txt"},"diff":"@@ -1 +1 @@\n-hi\n+hello\n"},
    {"path":"/w/b.txt","kind":{"type":"add"},"diff":"new\nline"},
    {"path":"/elsewhere","kind":{"type":"delete"},"diff":"gone\n"}]})"));
  const AgentApproval approval = ask("item/fileChange/requestApproval", R"({"itemId":"f"})");
  EXPECT_EQ(approval.kind, "file_change");
  EXPECT_EQ(approval.patch,
            "--- a/a.txt\n+++ b/c.txt\n@@ -1 +1 @@\n-hi\n+hello\n"
            "--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1,2 @@\n+new\n+line\n\\ No newline at end of file\n"
            "--- a//elsewhere\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-gone\n");
  EXPECT_THAT(approval.paths, ElementsAre("a.txt", "c.txt", "b.txt", "/elsewhere"));
}

TEST_F(CodexApprovals, a_patch_that_is_too_long_is_cut_and_known_by_its_hash) {
  const auto patch = [](char last) {
    const std::string body = std::string(kMaxPatch, 'x') + last;
    return patch_of_item(*json::parse(R"({"changes":[{"path":"/w/a","kind":{"type":"add"},"diff":")" + body + "\"}]}"), "/w").text;
  };
  EXPECT_LT(patch('1').size(), kMaxPatch + 200);
  EXPECT_NE(patch('1'), patch('2'));
}

TEST_F(CodexApprovals, permissions_are_granted_as_they_were_asked_and_no_others) {
  const std::string params = R"({"permissions":{"network":{"enabled":true}},"cwd":"/w","reason":"to fetch"})";
  const AgentApproval approval = ask("item/permissions/requestApproval", params);
  EXPECT_EQ(approval.kind, "permissions");
  EXPECT_EQ(approval.detail, R"({"network":{"enabled":true}})");
  EXPECT_EQ(approval.command, "grant " + approval.detail);
  EXPECT_EQ(approval.cwd, ".");
  EXPECT_EQ(answer("item/permissions/requestApproval", Decision::accept, params),
            "{\"id\":7,\"result\":{\"permissions\":{\"network\":{\"enabled\":true}},\"scope\":\"turn\"}}\n");
  EXPECT_THAT(answer("item/permissions/requestApproval", Decision::accept_for_session, params), HasSubstr("\"scope\":\"session\""));
  EXPECT_THAT(answer("item/permissions/requestApproval", Decision::decline, params), HasSubstr("\"permissions\":{}"));
}

TEST_F(CodexApprovals, questions_are_answered_by_id_or_by_words_and_the_others_stay_open) {
  const std::string params = R"({"questions":[{"id":"q1","question":"Which?"},{"id":"q2","question":"When?"},{"id":"q3","question":"Why?"}]})";
  EXPECT_EQ(ask("item/tool/requestUserInput", params).kind, "user_input");
  EXPECT_EQ(answer("item/tool/requestUserInput", Decision::accept, params, R"({"q1":["this"],"When?":"now","other":["x"]})"),
            "{\"id\":7,\"result\":{\"answers\":{\"q1\":{\"answers\":[\"this\"]},\"q2\":{\"answers\":[\"now\"]}}}}\n");
  EXPECT_THAT(answer("item/tool/requestUserInput", Decision::accept, params, "no JSON"), HasSubstr("\"answers\":{}"));
}

TEST_F(CodexApprovals, an_elicitation_is_accepted_with_an_object_only) {
  EXPECT_EQ(ask("mcpServer/elicitation/request", R"({"serverName":"s","message":"Your name?"})").reason, "Your name?");
  EXPECT_THAT(answer("mcpServer/elicitation/request", Decision::accept, "{}", R"({"name":"x"})"),
              HasSubstr(R"("action":"accept","content":{"name":"x"})"));
  EXPECT_THAT(answer("mcpServer/elicitation/request", Decision::accept, "{}", "[1]"), HasSubstr("\"action\":\"decline\""));
  EXPECT_THAT(answer("mcpServer/elicitation/request", Decision::cancel), HasSubstr("\"action\":\"cancel\""));
}

TEST_F(CodexApprovals, the_older_requests_say_the_same_in_their_own_form) {
  const AgentApproval command = ask("execCommandApproval", R"({"callId":"c","command":["bash","-lc","echo 'hi'"],"cwd":"/w"})");
  EXPECT_EQ(command.command, R"(bash -lc 'echo '\''hi'\''')");
  const AgentApproval patch = ask("applyPatchApproval", R"({"callId":"c","fileChanges":{"/w/a":{"type":"add","content":"x\n"}}})");
  EXPECT_EQ(patch.patch, "--- /dev/null\n+++ b/a\n@@ -0,0 +1,1 @@\n+x\n");
  EXPECT_THAT(patch.paths, ElementsAre("a"));
}

TEST_F(CodexApprovals, what_is_asked_about_a_command_beside_the_command_is_another_question) {
  const char* const method = "item/commandExecution/requestApproval";
  EXPECT_EQ(ask(method, R"({"command":"make","networkApprovalContext":{"host":"example.org","protocol":"https"}})").command,
            "connect to https://example.org for make");
  EXPECT_EQ(ask(method, R"({"command":"make","kind":"writeStdin"})").command, "writeStdin make");
  EXPECT_EQ(ask("item/fileChange/requestApproval", R"({"itemId":"never seen"})").command, "write a patch that was not shown (never seen)");
  EXPECT_EQ(ask("item/fileChange/requestApproval", R"({"itemId":"f","grantRoot":"/srv"})").command, "write anywhere below /srv");
}

TEST_F(CodexApprovals, nobody_is_asked_for_what_is_unknown) {
  EXPECT_FALSE(approval_of(request("something/new"), items_, "/w"));
  EXPECT_FALSE(approval_of(request("item/tool/call"), items_, "/w"));
}

TEST(CodexVersion, is_found_in_what_the_program_says_of_itself) {
  EXPECT_EQ(find_version("codex-cli 0.169.0"), (Version{0, 169, 0}));
  EXPECT_EQ(find_version("dossier/0.130.2 (Debian 12.0.0; x86_64) xterm (dossier; 1)"), (Version{0, 130, 2}));
  EXPECT_EQ(find_version("codex-cli 0.170.0-alpha.1"), (Version{0, 170, 0}));
  EXPECT_EQ(find_version("codex 7"), std::nullopt);
  EXPECT_EQ(find_version(""), std::nullopt);
}

TEST(CodexVersion, is_refused_where_it_is_too_old) {
  EXPECT_EQ(refusal_of({0, 130, 0}), "");
  EXPECT_EQ(refusal_of({1, 0, 0}), "");
  EXPECT_EQ(refusal_of({0, 129, 9}), "Codex 0.129.9 is older than 0.130.0, which this worker needs; update it");
}

TEST(CodexUsage, counts_each_token_once_and_in_its_own_turn) {
  const auto report = [](Usage& usage, std::int64_t total, std::int64_t last, bool of_this_turn) {
    const auto count = [](std::int64_t tokens) { return json::Value(json::Value::Object{{"inputTokens", tokens}, {"outputTokens", tokens}}); };
    return usage.report(json::Value(json::Value::Object{{"total", count(total)}, {"last", count(last)}}), of_this_turn).in;
  };
  Usage fresh;
  fresh.open_fresh_thread();
  fresh.begin_turn();
  EXPECT_EQ(report(fresh, 100, 100, true), 100u);
  EXPECT_EQ(report(fresh, 250, 150, true), 150u);
  EXPECT_EQ(report(fresh, 250, 150, true), 0u);  // said again
  fresh.begin_turn();
  EXPECT_EQ(report(fresh, 250, 150, true), 0u);  // said again as the next turn begins
  EXPECT_EQ(report(fresh, 300, 50, true), 50u);
  EXPECT_EQ(fresh.turn().in, 50u);
  EXPECT_EQ(report(fresh, 40, 40, true), 40u);  // the count began anew

  Usage resumed;
  EXPECT_EQ(report(resumed, 1'000, 70, false), 0u);  // where the thread stood
  resumed.begin_turn();
  EXPECT_EQ(report(resumed, 1'030, 30, true), 30u);
  Usage silent;
  silent.begin_turn();
  EXPECT_EQ(report(silent, 1'030, 30, true), 30u);  // it did not say where it stood
  EXPECT_EQ(silent.turn().in, 30u);
}

}  // namespace
}  // namespace dossier::worker::codex
