// Frames of the app-server protocol, one rule each.
#include "worker/agents/codex_frames.hpp"

#include <gtest/gtest.h>

namespace dossier::worker::codex {
namespace {

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

}  // namespace
}  // namespace dossier::worker::codex
