// What a worker takes for a secret without being told.
#include "worker/secret_values.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>

namespace dossier::worker {
namespace {

TEST(SecretValues, are_found_by_the_names_of_variables_and_in_urls) {
  EXPECT_EQ(secret_values({{"PATH", "/usr/bin"},
                           {"OPENAI_API_KEY", "sk-1"},
                           {"SSH_KEY", "/home/a/.ssh/id"},
                           {"db_password", "p"},
                           {"https_proxy", "http://user:pass-word@proxy:3128"},
                           {"no_proxy", "localhost:80,a@b"},
                           {"EMPTY_TOKEN", ""},
                           {"KEYBOARD", "us-international"},
                           {"GIT_CONFIG_KEY_0", "safe.directory"},
                           {"MYAPIKEY", "q"},
                           {"sasl.password", "r"},
                           {"AWS_CREDENTIALS_BASE", "s"}}),
            (std::vector<std::string>{"sk-1", "p", "pass-word", "q", "r", "s"}));
}

TEST(SecretValues, of_this_process_are_found_too) {
  ::setenv("TEST_SECRET_VALUES_TOKEN", "a-token-of-this-test", 1);
  const auto values = secret_values_of_machine();
  ::unsetenv("TEST_SECRET_VALUES_TOKEN");
  EXPECT_EQ(std::count(values.begin(), values.end(), "a-token-of-this-test"), 1);
}

TEST(SecretValues, of_a_sign_in_file_are_found_at_any_depth) {
  EXPECT_EQ(
      secret_values_of_json(
          R"({"OPENAI_API_KEY":null,"mode":"chat","tokens":{"access_token":"a","account_id":"b","refresh_token":"c"},"more_keys":["d",{"name":"e"}]})"),
      (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_TRUE(secret_values_of_json("no json").empty());
}

}  // namespace
}  // namespace dossier::worker
