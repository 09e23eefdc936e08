// Secrets taken out of texts: values in all their forms, known shapes, over the borders of chunks and lines.
#include "worker/masking/masker.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/masking/secret_forms.hpp"

namespace dossier::worker::masking {
namespace {

std::shared_ptr<const Secrets> secrets(const std::vector<std::string>& values) {
  auto made = Secrets::make(values);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}
std::string masked(const std::vector<std::string>& values, std::string_view text) { return mask_text(secrets(values), text); }
std::string shaped(std::string_view text) { return masked({}, text); }

std::string in_chunks(const std::vector<std::string>& values, std::string_view text, std::size_t size) {
  Masker masker(secrets(values));
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += size) masker.feed(text.substr(at, size), out);
  masker.finish(out);
  return out;
}
std::vector<std::string> lines(const std::vector<std::string>& values, const std::vector<std::string>& in) {
  Masker masker(secrets(values));
  std::vector<std::string> out;
  out.reserve(in.size());
  for (const auto& line : in) out.emplace_back(masker.line(line));
  return out;
}
using Lines = std::vector<std::string>;

const std::string kValue = "hunter2-correct-horse";

TEST(Masking, a_value_is_masked_wherever_it_stands) {
  EXPECT_EQ(masked({kValue}, kValue), "***");
  EXPECT_EQ(masked({kValue}, "a " + kValue + " b " + kValue + kValue + " c"), "a *** b *** c");
  EXPECT_EQ(masked({kValue}, "hunter2-correct-mule"), "hunter2-correct-mule");
}

TEST(Masking, values_that_share_their_beginnings_and_ends_are_masked_whole) {
  EXPECT_EQ(masked({"password1", "password12345", "12345-more-of-it"}, "x password12345-more-of-it x password1x"), "x *** x ***x");
  EXPECT_EQ(masked({"abcdefghij", "cdefghXY"}, "abcdefghXY abcdefghij"), "ab*** ***");
}

TEST(Masking, base64_is_found_at_each_of_its_three_places_and_in_both_alphabets) {
  // base64 of "x", "xy", "xyz" before "s3cr?t>value~~1", and of the value alone.
  const std::vector<std::string> value{"s3cr?t>value~~1"};
  for (const char* text : {"czNjcj90PnZhbHVlfn4x", "eHMzY3I/dD52YWx1ZX5+MQ==", "eHlzM2NyP3Q+dmFsdWV+fjE=", "eHl6czNjcj90PnZhbHVlfn4x",
                           "eHMzY3I_dD52YWx1ZX5-MQ", "eHlzM2NyP3Q-dmFsdWV-fjE"}) {
    const std::string out = masked(value, std::string("Basic ") + text + ".");
    EXPECT_NE(out.find("***"), std::string::npos) << text << " gave " << out;
    EXPECT_LE(out.size(), std::string("Basic eHl***MQ==.").size()) << out;
  }
}

TEST(Masking, a_value_in_a_url_or_in_json_is_masked) {
  const std::vector<std::string> value{"p@ss w/rd\"\\<\xc3\xa9"};
  for (const char* text : {"p%40ss%20w%2Frd%22%5C%3C%C3%A9", "p%40ss+w%2frd%22%5c%3c%c3%a9", "p%40ss%20w/rd%22%5C%3C%C3%A9", R"(p@ss w/rd\"\\<é)",
                           R"(p@ss w\/rd\"\\<é)", R"(p@ss w/rd\"\\\u003cé)", R"(p@ss w/rd\"\\<\u00e9)", R"(p@ss w/rd\\\"\\\\<é)"})
    EXPECT_EQ(masked(value, std::string("[") + text + "]"), "[***]") << text;
}

TEST(Masking, chunks_of_any_size_give_the_same_text) {
  const std::string pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\nIBADAN\n-----END PRIVATE KEY-----";
  const std::string text =
      "say " + kValue + ", ghp_0123456789abcdefghijABCDEFGHIJ012345 and AKIAIOSFODNN7EXAMPLE; " + pem + "\nhunter2-cor end hunter2-";
  const std::string whole = masked({kValue}, text);
  EXPECT_EQ(whole, "say ***, *** and ***; -----BEGIN PRIVATE KEY-----\n***\n***\n***\nhunter2-cor end ***");
  for (std::size_t size = 1; size < 60; ++size) EXPECT_EQ(in_chunks({kValue}, text, size), whole) << size;
}

TEST(Masking, no_more_is_held_back_than_the_beginning_of_a_value) {
  Masker masker(secrets({kValue}));
  std::string out;
  masker.feed("all of this leaves: hunter2", out);
  EXPECT_EQ(out, "all of this leaves: ");
  masker.feed(" is not it", out);
  EXPECT_EQ(out, "all of this leaves: hunter2 is not it");
  masker.finish(out);
  EXPECT_EQ(out, "all of this leaves: hunter2 is not it");
}

TEST(Masking, a_line_without_secrets_is_given_back_itself) {
  Masker masker(secrets({kValue}));
  const std::string line = "an ordinary line, with a disk-usage of 3 %\\n and h\xc3\xa9llo \xe2\x94\x80";
  EXPECT_EQ(masker.line(line).data(), line.data());
  EXPECT_EQ(masker.line(line), line);
  EXPECT_EQ(masker.masked(), 0u);
}

TEST(Masking, a_value_that_goes_over_lines_is_masked_in_each) {
  EXPECT_EQ(lines({kValue}, {"begin hunter2-corr", "ect-horse end", "next"}), (Lines{"begin ***", "*** end", "next"}));
  EXPECT_EQ(lines({kValue}, {"x hunter2-corr", "eX-horse"}), (Lines{"x ***", "eX-horse"}));
  EXPECT_EQ(masked({"0123456789abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789"},
                   "k: MDEyMzQ1Njc4OWFiY2RlZmdoaWowMTIzNDU2Nzg5YWJjZGVmZ2hpajAxMjM0NTY3ODlhYmNk\nZWZnaGlqMDEyMzQ1Njc4OQ== ."),
            "k: ***\n***Q== .");
}

TEST(Masking, base64_that_is_wrapped_within_json_is_masked) {
  EXPECT_EQ(masked({"0123456789abcdefghij"}, R"({"o":"MDEyMzQ1Njc4\nOWFiY2RlZmdoaWo=\n"})"), R"({"o":"***o=\n"})");
  EXPECT_EQ(masked({"0123456789abcdefghij"}, R"({"o":"MDEyMzQ1Njc4\\\nOWFiY2RlZmdoaWo="})"), R"({"o":"***o="})");
}

TEST(Masking, the_lines_of_a_value_are_masked_one_by_one_but_for_the_short_ones) {
  const std::string config = "kind: Config\nclient-key-data: LS0tLS1CRUdJTi\n  token: abcdefghijklmnop\n";
  EXPECT_EQ(lines({config}, {"kind: Config", "+client-key-data: LS0tLS1CRUdJTi", "the token: abcdefghijklmnop"}),
            (Lines{"kind: Config", "+***", "the ***"}));
}

TEST(Masking, a_value_that_was_cut_off_is_masked_as_far_as_it_goes) {
  EXPECT_EQ(masked({kValue}, "it says hunter2-corr\xe2\x80\xa6 and on"), "it says ***\xe2\x80\xa6 and on");
  EXPECT_EQ(masked({kValue}, "it says hunter\xe2\x80\xa6"), "it says hunter\xe2\x80\xa6");
  EXPECT_EQ(shaped("it says ghp_0123456789\xe2\x80\xa6"), "it says ***\xe2\x80\xa6");
}

TEST(Masking, a_long_line_in_pieces_hides_a_token_at_their_border) {
  Masker masker(secrets({}));
  EXPECT_EQ(masker.line("xx ghp_012345", true), "xx ***");
  EXPECT_EQ(masker.line("6789abcdefghijABCDEFGHIJ012345 yy"), "*** yy");
  EXPECT_EQ(masker.line("6789abcdefghijABCDEFGHIJ012345 yy"), "6789abcdefghijABCDEFGHIJ012345 yy");
}

TEST(Masking, known_shapes_are_masked) {
  const std::string jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
  for (const std::string& token :
       {std::string("msw_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"), std::string("dst_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"),
        std::string("ghp_abcdefghijklmnopqrstuvwxyz0123456789"), std::string("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz"),
        std::string("sk-proj-abcDEF0123456789_abcdef-ghijkl"), std::string("sk-ant-api03-abcDEF0123456789_abcdef"),
        std::string("AKIAIOSFODNN7EXAMPLE"), std::string("glpat-abcdefghij0123456789"), std::string("xoxb-123456789012-abcdefghijkl"),
        std::string("AIzaSyA0123456789abcdefghijklmnopqrstuv"), jwt}) {
    EXPECT_EQ(shaped("token " + token + " end"), "token *** end");
    EXPECT_EQ(shaped("{\"a\":\"x\\n" + token + "\"}"), "{\"a\":\"x\\n***\"}");
    EXPECT_EQ(lines({}, {"T=" + token, token}), (Lines{"T=***", "***"}));
  }
}

TEST(Masking, what_only_begins_like_a_token_is_left_alone) {
  for (const char* text :
       {"disk-usage-of-everything-2026-in-one-list", "sk-learn-contrib-and-other-words", "task-0123456789-0123456789-0123456789",
        "AKIAIOSFODNN7EXAMPLEX", "AKIAIOSFODNN7", "msw_handlers_of_the_mock_service_worker", "ghp_short", "eyJust words",
        "eyJhbGciOiJIUzI1NiJ9 alone", "npm_config_registry", "-----BEGIN CERTIFICATE-----\nMIIEvQIBADAN\n-----END CERTIFICATE-----",
        "grep -r '-----BEGIN RSA PRIVATE KEY-----' . | wc -l"})
    EXPECT_EQ(shaped(text), text);
}

TEST(Masking, a_private_key_is_masked_in_lines_in_json_and_indented) {
  EXPECT_EQ(lines({}, {"-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "", "MIIEvQIBADAN", "  AAAA=", "-----END RSA PRIVATE KEY-----",
                       "MIIEvQIBADAN"}),
            (Lines{"-----BEGIN RSA PRIVATE KEY-----", "***", "", "***", "***", "***", "MIIEvQIBADAN"}));
  EXPECT_EQ(shaped(R"({"key":"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\nAAAA\n-----END PRIVATE KEY-----\n","x":1})"),
            R"({"key":"-----BEGIN PRIVATE KEY-----***\n","x":1})");
  EXPECT_EQ(shaped("12:-----BEGIN PRIVATE KEY-----\n13:MIIEvQ\n14:-----END PRIVATE KEY-----\n15:next"),
            "12:-----BEGIN PRIVATE KEY-----\n***\n***\n15:next");
  EXPECT_EQ(lines({}, {"-----BEGIN PRIVATE KEY-----", "it has no key; and goes on"}),
            (Lines{"-----BEGIN PRIVATE KEY-----", "*** has no key; and goes on"}));
}

TEST(Masking, line_ends_within_a_masked_text_stay) {
  EXPECT_EQ(masked({"line one of it\nline two of it\n\nline three of it"}, "+line one of it\nline two of it\n\nline three of it\n."),
            "+***\n***\n\n***\n.");
}

TEST(Masking, bytes_that_are_no_text_are_searched_too) {
  const std::string value("\0\xff\x01-\xfe-secret", 12);
  EXPECT_EQ(masked({value}, std::string("a\0", 2) + value + "\xff"), std::string("a\0***\xff", 6));
}

TEST(Masking, too_short_values_are_counted_and_passed_over) {
  const auto made = secrets({"short", "  spaced-out\n", "", "1234567 "});
  EXPECT_EQ(made->passed_over(), 3u);
  EXPECT_EQ(mask_text(made, "short spaced-out"), "short ***");
}

TEST(Masking, a_long_value_is_found_in_parts) {
  std::string value;
  for (int i = 0; i < 2'000; ++i) value += std::to_string(i * 7919) + "/";
  EXPECT_EQ(masked({value}, "<" + value + ">"), "<***>");
  EXPECT_EQ(masked({value}, "<" + value.substr(0, kMaxWindow) + ">"), "<***>");
}

TEST(Masking, more_than_can_be_masked_is_refused) {
  EXPECT_TRUE(Secrets::make(std::vector<std::string>(kMaxSecrets, "a-secret-value")));
  const auto many = Secrets::make(std::vector<std::string>(kMaxSecrets + 1, "a-secret-value"));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Code::payload_too_large);
  EXPECT_TRUE(Secrets::make({std::string(kMaxSecretBytes, 'x')}));
  EXPECT_FALSE(Secrets::make({std::string(kMaxSecretBytes + 1, 'x')}));
}

TEST(Masking, a_hundred_kilobytes_of_a_token_leave_nothing_behind) {
  const std::string token = "ghp_" + std::string(100'000, 'a');
  EXPECT_EQ(in_chunks({}, "x " + token + " y", 1'000), "x *** y");
}

TEST(Masking, places_are_counted_once) {
  std::uint64_t count = 0;
  EXPECT_EQ(mask_text(secrets({kValue}), kValue + " and " + kValue, &count), "*** and ***");
  EXPECT_EQ(count, 2u);
}

}  // namespace
}  // namespace dossier::worker::masking
