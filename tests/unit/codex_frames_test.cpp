// Frames of the app-server protocol, one rule each.
#include "worker/agents/codex_frames.hpp"

#include <gtest/gtest.h>

namespace dossier::worker::codex {
namespace {

Frame request(const std::string& method) {
  auto frame = read_frame(R"({"method":")" + method + R"(","id":7,"params":{}})");
  EXPECT_TRUE(frame);
  return *frame;
}

TEST(CodexFrames, tells_the_four_kinds_apart) {
  EXPECT_EQ(read_frame(R"({"id":0,"result":{}})")->kind, Frame::Kind::response);
  EXPECT_EQ(read_frame(R"({"id":0,"error":{"code":-32600,"message":"no"}})")->kind, Frame::Kind::error_response);
  EXPECT_EQ(read_frame(R"({"method":"warning","params":{}})")->kind, Frame::Kind::notification);
  EXPECT_EQ(read_frame(R"({"jsonrpc":"2.0","method":"item/tool/call","id":"a","params":{}})")->kind, Frame::Kind::request);
}

TEST(CodexFrames, refuses_what_is_none_of_them) {
  for (const char* line : {"", "plain words", "{", "{}", "[]", "42", R"({"id":1})", R"({"method":7})"}) EXPECT_FALSE(read_frame(line)) << line;
}

TEST(CodexFrames, are_written_as_one_line_without_a_version) {
  EXPECT_EQ(request_line(3, "turn/start", json::Value(json::Value::Object{{"a", "x\ny"}})),
            "{\"method\":\"turn/start\",\"id\":3,\"params\":{\"a\":\"x\\ny\"}}\n");
  EXPECT_EQ(notification_line("initialized"), "{\"method\":\"initialized\"}\n");
}

TEST(CodexFrames, every_request_of_the_server_is_refused_in_the_form_it_expects) {
  EXPECT_EQ(refusal_line(request("item/commandExecution/requestApproval")), "{\"id\":7,\"result\":{\"decision\":\"decline\"}}\n");
  EXPECT_EQ(refusal_line(request("item/fileChange/requestApproval")), "{\"id\":7,\"result\":{\"decision\":\"decline\"}}\n");
  EXPECT_EQ(refusal_line(request("execCommandApproval")), "{\"id\":7,\"result\":{\"decision\":\"denied\"}}\n");
  EXPECT_EQ(refusal_line(request("item/permissions/requestApproval")), "{\"id\":7,\"result\":{\"permissions\":{},\"scope\":\"turn\"}}\n");
  EXPECT_EQ(refusal_line(request("item/tool/requestUserInput")), "{\"id\":7,\"result\":{\"answers\":{}}}\n");
  EXPECT_EQ(refusal_line(request("mcpServer/elicitation/request")),
            "{\"id\":7,\"result\":{\"action\":\"decline\",\"content\":null,\"_meta\":null}}\n");
  EXPECT_EQ(refusal_line(request("something/new")),
            "{\"id\":7,\"error\":{\"code\":-32601,\"message\":\"this client does not answer something/new\"}}\n");
}

TEST(CodexFrames, an_answer_carries_the_id_as_it_came) {
  const auto frame = read_frame(R"({"method":"something/new","id":"q-1","params":{}})");
  ASSERT_TRUE(frame);
  EXPECT_NE(refusal_line(*frame).find("\"id\":\"q-1\""), std::string::npos);
}

}  // namespace
}  // namespace dossier::worker::codex
