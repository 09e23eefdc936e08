// JSON in and out: what is refused, and that a refusal names the field.
#include "platform/json/json.hpp"

#include <gtest/gtest.h>

namespace dossier::json {
namespace {

TEST(Json, KeepsOrderNumbersAndText) {
  const std::string text = R"({"b":1,"a":[true,null,-9223372036854775808,2.5,"\"\\\n\u0001é"]})";
  auto value = parse(text);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(write(*value), R"({"b":1,"a":[true,null,-9223372036854775808,2.5,"\"\\\n\u0001é"]})");
}

TEST(Json, ReadsNumbersExactly) {
  EXPECT_EQ(write(*parse("[0,-0,0e100,-0.0,1e2,0.1,9223372036854775807,1e-999]")), "[0,0,0.0,-0.0,100.0,0.1,9223372036854775807,0.0]");
}

TEST(Json, AnIntegerBeyond64BitsIsNoInteger) {
  auto value = parse("18446744073709551615");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->integer(), nullptr);
  EXPECT_TRUE(value->number().has_value());
}

TEST(Json, RefusesWhatIsNotJson) {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "{"s, "{}x"s, "{}\0x"s, "{}\0"s, "nul"s, "'a'"s, "{\"a\":1,}"s, "[1 2]"s, "\"\xff\""s, "\"\xc0\xaf\""s,
                                  "\"\xed\xa0\x80\""s, "\"\\ud800\""s, "\"\\ude00\""s, "{\"\\udc00\":1}"s, "\"a\nb\""s, "1e999"s, "\xef\xbb\xbf"s}) {
    auto value = parse(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, Code::malformed_json) << text;
  }
}

// The reader takes many bytes of a string at once: what ends it, and what it must refuse, may lie anywhere among them.
TEST(Json, AStringIsReadAlikeWhereverItsEscapesAndBadBytesStand) {
  for (std::size_t before = 0; before < 40; ++before)
    for (std::size_t after = 0; after < 40; ++after) {
      const std::string head(before, 'a'), tail(after, 'z');
      const auto good = parse("[\"" + head + "\\n\\u20ac\xc3\xa9" + tail + "\"]");
      ASSERT_TRUE(good.has_value()) << before << " " << after;
      EXPECT_EQ(*good->array()->front().string(), head + "\n\xe2\x82\xac\xc3\xa9" + tail);
      for (const char bad : {'\0', '\n', '\x1f', '\xff', '"'})
        EXPECT_FALSE(parse(std::string("[\"").append(head).append(1, bad).append(tail).append("\"]")).has_value()) << before << " " << after;
    }
}

TEST(Json, RefusesARepeatedName) {
  EXPECT_FALSE(parse(R"({"a":1,"a":2})").has_value());
  std::string many = "{";
  for (int i = 0; i < 40; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_TRUE(parse(many + "\"last\":0}").has_value());
  EXPECT_FALSE(parse(many + "\"k39\":0}").has_value());
  EXPECT_FALSE(parse(many + "\"k3\":0}").has_value());
}

TEST(Json, DepthIs64AndNotMore) {
  EXPECT_TRUE(parse(std::string(64, '[') + std::string(64, ']')).has_value());
  EXPECT_FALSE(parse(std::string(65, '[') + std::string(65, ']')).has_value());
  EXPECT_FALSE(parse(std::string(1'000'000, '[')).has_value());
}

Error error_of(std::string_view body, void (*read)(ObjectReader&)) {
  auto value = parse(body);
  EXPECT_TRUE(value.has_value());
  ObjectReader reader(*value);
  read(reader);
  Status status = reader.finish();
  return status.has_value() ? Error{} : status.error();
}

TEST(ObjectReader, NamesTheFieldThatIsWrong) {
  auto missing = error_of("{}", [](ObjectReader& r) { r.required_string("title", 10); });
  EXPECT_EQ(missing.code, Code::missing_field);
  EXPECT_EQ(missing.field, "title");
  auto type = error_of(R"({"title":3})", [](ObjectReader& r) { r.required_string("title", 10); });
  EXPECT_EQ(type.code, Code::invalid_field);
  EXPECT_EQ(type.field, "title");
  auto nul = error_of(R"({"title":"a\u0000b"})", [](ObjectReader& r) { r.required_string("title", 10); });
  EXPECT_EQ(nul.code, Code::invalid_field);
  auto unknown = error_of(R"({"title":"a","colour":1})", [](ObjectReader& r) { r.required_string("title", 10); });
  EXPECT_EQ(unknown.code, Code::unknown_field);
  EXPECT_EQ(unknown.field, "colour");
  auto item = error_of(R"({"l":["a",1]})", [](ObjectReader& r) { r.optional_strings("l", 3, 5); });
  EXPECT_EQ(item.field, "l[1]");
}

TEST(ObjectReader, BoundsHoldAtTheirEdge) {
  EXPECT_EQ(error_of(R"({"t":"12345"})", [](ObjectReader& r) { r.required_string("t", 5); }).field, "");
  EXPECT_EQ(error_of(R"({"t":"123456"})", [](ObjectReader& r) { r.required_string("t", 5); }).field, "t");
  EXPECT_EQ(error_of(R"({"t":""})", [](ObjectReader& r) { r.required_string("t", 5); }).field, "t");
  EXPECT_EQ(error_of(R"({"n":3})", [](ObjectReader& r) { r.optional_integer("n", 1, 3); }).field, "");
  EXPECT_EQ(error_of(R"({"n":4})", [](ObjectReader& r) { r.optional_integer("n", 1, 3); }).field, "n");
  EXPECT_EQ(error_of("[]", [](ObjectReader& r) { r.optional_bool("x"); }).code, Code::invalid_field);
}

TEST(Json, AppendStringQuotes) {
  std::string out;
  append_string(out, std::string_view("a\"\\\n\r\t\x01\0é", 10));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\r\\t\\u0001\\u0000é\"");
}

}  // namespace
}  // namespace dossier::json
