// Control messages for workers behind a gateway, on the log in memory: a pool that can't be read holds up nobody else.
#include "producers/control_follower.hpp"

#include <gtest/gtest.h>

#include <future>

#include "base/clock.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/memory/memory_topic.hpp"

namespace dossier::producers {
namespace {

using Answer = Result<ControlFollower::Answer>;

class Follower : public ::testing::Test {
 protected:
  void say(const std::string& topic, const std::string& worker) {
    v1::ControlMessage message;
    message.set_workspace_id("ws_1");
    message.set_worker_id(worker);
    const auto writer = broker_.make_writer("server");
    writer->append({topic, 0, worker, message.SerializeAsString(), {}}, [](const topic::Appended&) {});
    ASSERT_TRUE(writer->flush(5'000));
  }
  std::future<Answer> ask(const std::string& topic, std::int64_t offset, std::int64_t wait_us) {
    auto promise = std::make_shared<std::promise<Answer>>();
    follower_.wait(topic, "ws_1", "wkr_1", offset, wait_us, [promise](Answer answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  }
  static bool is_there(const std::future<Answer>& answer) { return answer.wait_for(std::chrono::seconds(20)) == std::future_status::ready; }

  SystemClock clock_;
  memory::MemoryBroker broker_{clock_, {memory::Mode::threaded}};
  ControlFollower follower_{broker_.make_reader("gateway"), clock_};
};

TEST_F(Follower, a_pool_that_nobody_registered_in_is_refused_and_keeps_no_other_waiting) {
  broker_.create_topic("control.there", 1);
  auto missing = ask("control.missing", 0, 20'000'000);
  auto there = ask("control.there", 0, 20'000'000);
  ASSERT_TRUE(is_there(missing));
  const Answer refused = missing.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::log_unavailable);
  say("control.there", "wkr_2");
  say("control.there", "wkr_1");
  ASSERT_TRUE(is_there(there));
  const Answer heard = there.get();
  ASSERT_TRUE(heard) << heard.error().message;
  ASSERT_EQ(heard->messages.size(), 1u);
  EXPECT_EQ(heard->messages[0].offset, 1);
  EXPECT_EQ(heard->next, 2);
  // Asked again at once it is refused at once, without another look.
  auto again = ask("control.missing", 0, 20'000'000);
  EXPECT_EQ(again.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

TEST_F(Follower, who_waits_when_it_stops_is_told) {
  broker_.create_topic("control.there", 1);
  auto waits = ask("control.there", 0, 60'000'000);
  follower_.stop();
  ASSERT_TRUE(is_there(waits));
  EXPECT_EQ(waits.get().error().code, Code::shutting_down);
  EXPECT_EQ(ask("control.there", 0, 0).get().error().code, Code::shutting_down);
}

}  // namespace
}  // namespace dossier::producers
