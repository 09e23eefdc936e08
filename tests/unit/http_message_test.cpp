// Requests and responses as values: targets, encodings, heads.
#include "api/http/message.hpp"

#include <gtest/gtest.h>

#include "api/http/gzip.hpp"
#include "api/http/response_head.hpp"

namespace dossier::api::http {
namespace {

TEST(HttpTarget, SplitsAndDecodesTheQuery) {
  Request request;
  ASSERT_TRUE(parse_target("/v1/x%2Fy?a=1&b=%C3%A9+z&flag&&a=2", request).has_value());
  EXPECT_EQ(request.path, "/v1/x%2Fy");
  EXPECT_EQ(*request.parameter("a"), "1");
  EXPECT_EQ(*request.parameter("b"), "é z");
  EXPECT_EQ(*request.parameter("flag"), "");
  EXPECT_EQ(request.query.size(), 4u);
}

TEST(HttpTarget, RefusesNulBadEscapesAndBytesThatAreNoUtf8) {
  for (const char* target : {"/x?a=%00", "/x?a=%zz", "/x?a=%4", "/x?a=%ff", "/x?%00=1", "x", "", "http://other/x"}) {
    Request request;
    EXPECT_FALSE(parse_target(target, request).has_value()) << target;
  }
}

TEST(Gzip, ReadsAcceptEncodingWithItsWeights) {
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("deflate, gzip;q=0.5, br"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
  EXPECT_FALSE(accepts_gzip("gzip; q=0.0"));
  EXPECT_FALSE(accepts_gzip("identity"));
  EXPECT_FALSE(accepts_gzip(""));
}

TEST(Gzip, CompressesLargeTextAndLeavesTheRest) {
  const auto sent = [](std::size_t size, const char* type) {
    Response response;
    response.body = std::string(size, 'a');
    response.set("Content-Type", type);
    compress(response, 1'000);
    return response;
  };
  EXPECT_EQ(*sent(1'000, "application/json").header("content-encoding"), "gzip");
  EXPECT_EQ(sent(1'000, "application/json").body.substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(sent(999, "application/json").header("content-encoding"), nullptr);
  EXPECT_EQ(sent(1'000, "application/octet-stream").body.size(), 1'000u);
}

TEST(ResponseHead, SaysLengthAndConnection) {
  Response response;
  response.status = 404;
  response.set("Content-Type", "text/plain");
  Framing framing;
  framing.length = 3;
  framing.keep_alive = false;
  const std::string head = response_head(response, framing);
  EXPECT_TRUE(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_NE(head.find("\r\nContent-Length: 3\r\n"), std::string::npos);
  EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\nContent-Type: text/plain\r\n\r\n"));
}

TEST(ResponseHead, ChunksSayTheirSizeInHex) {
  EXPECT_EQ(event_chunk(std::string(26, 'x'), true), "1a\r\n" + std::string(26, 'x') + "\r\n");
  EXPECT_EQ(event_chunk("data", false), "data");
}

}  // namespace
}  // namespace dossier::api::http
