// Frames and tools of Claude Code's stream-json, one rule each.
#include "worker/agents/claude_frames.hpp"

#include <gtest/gtest.h>

#include "worker/agents/claude_tools.hpp"

namespace dossier::worker::claude {
namespace {

using json::Value;

Value parsed(const std::string& text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

TEST(ClaudeFrames, tells_the_kinds_apart) {
  const auto kind = [](const char* line) { return read_frame(line)->kind; };
  EXPECT_EQ(kind(R"({"type":"system","subtype":"init"})"), Frame::Kind::system);
  EXPECT_EQ(kind(R"({"type":"assistant","message":{}})"), Frame::Kind::assistant);
  EXPECT_EQ(kind(R"({"type":"user","message":{}})"), Frame::Kind::user);
  EXPECT_EQ(kind(R"({"type":"result","subtype":"success"})"), Frame::Kind::result);
  EXPECT_EQ(kind(R"({"type":"stream_event","event":{"type":"message_stop"}})"), Frame::Kind::stream_event);
  EXPECT_EQ(kind(R"({"type":"control_cancel_request","request_id":"q"})"), Frame::Kind::control_cancel);
  EXPECT_EQ(kind(R"({"type":"rate_limit_event"})"), Frame::Kind::unknown);
}

TEST(ClaudeFrames, a_frame_is_named_by_what_it_is_about) {
  EXPECT_EQ(read_frame(R"({"type":"system","subtype":"init"})")->name, "init");
  EXPECT_EQ(read_frame(R"({"type":"stream_event","event":{"type":"message_stop"}})")->name, "message_stop");
  EXPECT_EQ(read_frame(R"({"type":"rate_limit_event"})")->name, "rate_limit_event");
  const auto asked = read_frame(R"({"type":"control_request","request_id":"q","request":{"subtype":"can_use_tool"}})");
  EXPECT_EQ(asked->name, "can_use_tool");
  EXPECT_EQ(asked->request_id, "q");
  EXPECT_EQ(read_frame(R"({"type":"control_response","response":{"subtype":"success","request_id":"q"}})")->request_id, "q");
}

TEST(ClaudeFrames, refuses_what_is_no_object_with_a_type) {
  for (const char* line : {"", "plain words", "{", "{}", "[]", "42", R"({"type":7})", R"({"subtype":"init"})"})
    EXPECT_FALSE(read_frame(line)) << line;
}

TEST(ClaudeFrames, are_written_as_one_line) {
  EXPECT_EQ(request_line("q", "set_model", {{"model", "m"}}),
            "{\"type\":\"control_request\",\"request_id\":\"q\",\"request\":{\"subtype\":\"set_model\",\"model\":\"m\"}}\n");
  EXPECT_EQ(
      message_line("u", Value("x\ny")),
      "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"x\\ny\"},\"parent_tool_use_id\":null,\"session_id\":\"\",\"uuid\":\"u\"}\n");
  EXPECT_EQ(error_line("q", "no"), "{\"type\":\"control_response\",\"response\":{\"subtype\":\"error\",\"request_id\":\"q\",\"error\":\"no\"}}\n");
}

TEST(ClaudeFrames, an_answer_is_a_response_or_an_error) {
  const Answer refused = answer_of(*read_frame(R"({"type":"control_response","response":{"subtype":"error","request_id":"q","error":"why"}})"));
  EXPECT_EQ(refused.error, "why");
  const Answer given = answer_of(*read_frame(R"({"type":"control_response","response":{"subtype":"success","response":{"a":1}}})"));
  EXPECT_EQ(given.error, "");
  EXPECT_EQ(given.response.integer_or("a", 0), 1);
}

TEST(ClaudeFrames, a_uuid_is_told_from_a_path) {
  EXPECT_EQ(uuid_text("00112233445566778899aabbccddeeff"), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_TRUE(is_uuid("00112233-4455-6677-8899-aabbccddeeff"));
  for (const char* text :
       {"", "../../../../../../etc/passwd-12345678", "00112233-4455-6677-8899-aabbccddeefg", "00112233-4455-6677-8899-aabbccddeef"})
    EXPECT_FALSE(is_uuid(text)) << text;
}

TEST(ClaudeTools, two_different_actions_never_look_the_same) {
  const auto asked = [](const char* request) { return approval_of("q", parsed(request), "/w"); };
  const AgentApproval fetch = asked(R"({"tool_name":"WebFetch","input":{"url":"http://a"}})");
  EXPECT_EQ(fetch.kind, "tool");
  EXPECT_EQ(fetch.command, "WebFetch {\"url\":\"http://a\"}");
  const AgentApproval edit = asked(R"({"tool_name":"Edit","input":{"file_path":"/w/a","old_string":"x","new_string":"y"}})");
  EXPECT_EQ(edit.kind, "file_change");
  EXPECT_EQ(edit.patch, "Edit a\n-x\n+y\n");
  EXPECT_EQ(edit.paths, std::vector<std::string>{"a"});
  EXPECT_NE(asked(R"({"tool_name":"Edit","input":{"file_path":"/w/a","old_string":"x","new_string":"y","replace_all":true}})").patch, edit.patch);
  EXPECT_NE(asked(R"({"tool_name":"Write","input":{"file_path":"/w/a","content":"y"}})").patch, edit.patch);
  EXPECT_EQ(asked(R"({"tool_name":"AskUserQuestion","input":{"questions":[]}})").kind, "user_input");
}

TEST(ClaudeTools, an_input_that_is_too_long_for_people_still_tells_its_action_apart) {
  const std::string url(kMaxDetail, 'u');
  const AgentApproval fetch = approval_of("q", parsed(R"({"tool_name":"WebFetch","input":{"url":")" + url + R"("}})"), "/w");
  EXPECT_LT(fetch.detail.size(), 100u);
  EXPECT_NE(fetch.command.find(url), std::string::npos);
}

TEST(ClaudeTools, every_edit_of_many_is_shown) {
  const ToolUse use{"MultiEdit",
                    parsed(R"({"file_path":"/w/a","edits":[{"old_string":"a\nb","new_string":"c"},{"old_string":"","new_string":"d"}]})")};
  EXPECT_EQ(patch_of(use), "-a\n-b\n+c\n+d\n");
  EXPECT_EQ(path_of(use, "/w"), "a");
  EXPECT_EQ(path_of(use, "/w/a"), ".");
  EXPECT_EQ(path_of(use, "/v"), "/w/a");
}

TEST(ClaudeTools, a_grant_for_the_session_never_writes_into_the_worktree_and_grants_no_mode_to_a_command) {
  const Value suggestions =
      parsed(R"([{"type":"addRules","rules":[{"toolName":"Bash","ruleContent":"ls"}],"behavior":"allow","destination":"localSettings"},
    {"type":"addRules","rules":[],"behavior":"deny","destination":"session"},{"type":"addDirectories","directories":["/w"],"destination":"session"},
    {"type":"setMode","mode":"acceptEdits","destination":"session"},{"type":"setMode","mode":"bypassPermissions","destination":"session"}])");
  EXPECT_EQ(json::write(Value(session_permissions(suggestions, ToolKind::command))),
            R"([{"type":"addRules","rules":[{"toolName":"Bash","ruleContent":"ls"}],"behavior":"allow","destination":"session"},)"
            R"({"type":"addDirectories","directories":["/w"],"destination":"session"}])");
  const std::string edits = json::write(Value(session_permissions(suggestions, ToolKind::file_change)));
  EXPECT_NE(edits.find("acceptEdits"), std::string::npos);
  EXPECT_EQ(edits.find("bypassPermissions"), std::string::npos);
  EXPECT_TRUE(session_permissions(Value(), ToolKind::command).empty());
}

TEST(ClaudeTools, answers_go_into_the_questions_input) {
  const Value input = parsed(R"({"questions":[{"question":"Which?"}]})");
  const auto answered = answered_input(input, R"({"Which?":["a","b"]})");
  ASSERT_TRUE(answered);
  EXPECT_EQ(json::write(*answered), R"({"questions":[{"question":"Which?"}],"answers":{"Which?":"a, b"}})");
  for (const char* answer : {"", "[]", R"({"Which?":"a"})", R"({"Which?":[1]})"}) EXPECT_FALSE(answered_input(input, answer)) << answer;
}

TEST(ClaudeTools, a_commands_exit_code_is_read_where_it_is_said) {
  EXPECT_EQ(exit_code_of("fine", false), 0);
  EXPECT_EQ(exit_code_of("Exit code 3\nno such file", true), 3);
  EXPECT_EQ(exit_code_of("Command timed out", true), std::nullopt);
}

TEST(ClaudeTools, an_overloaded_or_broken_service_may_be_tried_again_and_a_refused_request_may_not) {
  for (const char* status : {"429", "500", "529"})
    EXPECT_TRUE(is_transient_failure(parsed(std::string(R"({"api_error_status":)") + status + "}"))) << status;
  for (const char* status : {"400", "401", "null"})
    EXPECT_FALSE(is_transient_failure(parsed(std::string(R"({"api_error_status":)") + status + "}"))) << status;
}

}  // namespace
}  // namespace dossier::worker::claude
