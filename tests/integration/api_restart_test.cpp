// Live events across the death of the server that sends them: every commit once, in order, whatever dies.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/installation.hpp"

namespace dossier::test {
namespace {

TEST(ApiRestart, EventsHaveNoGapAndNoRepeatAcrossAKilledServer) {
  Installation installation(Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  const std::string issue = installation.api().send("POST", installation.in_workspace("/issues"), R"({"title":"t"})").text("id");
  constexpr int kComments = 40;

  // Writes through it all; a request whose answer was lost is sent again under its key.
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; i < kComments; ++i) {
      const bool done = eventually(60'000, [&] {
        Api api(installation.url(), installation.api().token());
        return api.send("POST", "/v1/issues/" + issue + "/comments", R"({"body":"n"})", {{"idempotency-key", "c" + std::to_string(i)}}).status == 201;
      });
      if (!done) return;
      ++written;
    }
  });

  std::vector<std::string> ids;
  const auto follow = [&](std::size_t until) {
    Api api(installation.url(), installation.api().token());
    http_client::Headers headers{{"last-event-id", ids.empty() ? "0-0" : ids.back()}};
    const auto ended = api.client().events(installation.in_workspace("/events"), headers, 20'000, [&](const http_client::ServerEvent& event) {
      ids.push_back(event.id);
      return ids.size() < until;
    });
    return ended.has_value();
  };
  ASSERT_TRUE(follow(10));
  installation.server().signal(SIGKILL);
  ASSERT_TRUE(eventually(10'000, [&] { return !installation.server().running(); }));
  installation.start_server();
  const std::size_t all = kComments + 3;  // the workspace, its worker token, the issue
  EXPECT_TRUE(eventually(60'000, [&] { return ids.size() >= all || follow(all) || ids.size() >= all; })) << installation.logs();
  writer.join();
  EXPECT_EQ(written.load(), kComments);
  ASSERT_EQ(ids.size(), all);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], "1-" + std::to_string(i + 1));
  const Reply read = installation.api().get("/v1/issues/" + issue);
  EXPECT_EQ(read.body.integer_or("comment_count", 0), kComments);
}

TEST(ApiRestart, AServerThatIsToldToStopFinishesWhatItHasAndEndsItsStreams) {
  Installation installation(Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  Api api(installation.url(), installation.api().token());
  std::atomic<bool> streaming{false};
  std::thread reader([&] {
    // Ends with the server, in error or not.
    (void)api.client().events(installation.in_workspace("/events") + "?last_event_id=0-0", {}, 20'000, [&](const http_client::ServerEvent&) {
      streaming = true;
      return true;
    });
  });
  ASSERT_TRUE(eventually(10'000, [&] { return streaming.load(); }));
  installation.server().signal(SIGTERM);
  EXPECT_TRUE(eventually(15'000, [&] { return !installation.server().running(); })) << installation.logs();
  reader.join();
}

}  // namespace
}  // namespace dossier::test
