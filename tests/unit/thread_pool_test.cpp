// The pool that runs the server's handlers.
#include "base/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace dossier {
namespace {

TEST(ThreadPool, a_job_runs_once_and_never_inside_post) {
  ThreadPool pool(1, 10);
  std::promise<std::thread::id> ran;
  ASSERT_TRUE(pool.post([&] { ran.set_value(std::this_thread::get_id()); }));
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
}

TEST(ThreadPool, a_full_queue_takes_no_job_and_still_takes_timers) {
  ThreadPool pool(1, 1);
  std::promise<void> hold;
  std::promise<void> busy;
  auto held = hold.get_future().share();
  ASSERT_TRUE(pool.post([&, held] {
    busy.set_value();
    held.wait();
  }));
  busy.get_future().wait();
  ASSERT_TRUE(pool.post([] {}));
  EXPECT_FALSE(pool.post([] {}));
  std::promise<void> timer;
  EXPECT_TRUE(pool.post_after(0, [&] { timer.set_value(); }));
  hold.set_value();
  timer.get_future().wait();
}

TEST(ThreadPool, timers_run_in_the_order_of_their_time) {
  ThreadPool pool(1, 10);
  std::vector<int> order;
  std::promise<void> done;
  ASSERT_TRUE(pool.post_after(30'000, [&] {
    order.push_back(2);
    done.set_value();
  }));
  ASSERT_TRUE(pool.post_after(1'000, [&] { order.push_back(1); }));
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(ThreadPool, stop_runs_what_is_queued_and_drops_timers_that_are_not_due) {
  std::atomic<int> ran{0};
  {
    ThreadPool pool(2, 100);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.post([&] { ++ran; }));
    ASSERT_TRUE(pool.post_after(3'600'000'000, [&] { ran += 1'000; }));
    pool.stop();
    EXPECT_FALSE(pool.post([] {}));
    EXPECT_FALSE(pool.post_after(0, [] {}));
  }
  EXPECT_EQ(ran.load(), 50);
}

TEST(ThreadPool, the_thread_that_watches_a_timer_takes_a_job_when_no_other_is_free) {
  ThreadPool pool(2, 10);
  ASSERT_TRUE(pool.post_after(3'600'000'000, [] {}));
  std::promise<void> hold;
  std::promise<void> busy;
  auto held = hold.get_future().share();
  ASSERT_TRUE(pool.post([&, held] {
    busy.set_value();
    held.wait();
  }));
  busy.get_future().wait();
  std::promise<void> second;
  ASSERT_TRUE(pool.post([&] { second.set_value(); }));
  EXPECT_EQ(second.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  hold.set_value();
}

TEST(ThreadPool, a_timer_is_watched_while_the_thread_that_watched_it_works) {
  ThreadPool pool(2, 10);
  std::promise<void> hold;
  auto held = hold.get_future().share();
  ASSERT_TRUE(pool.post_after(50'000, [held] { held.wait(); }));
  std::promise<void> second;
  ASSERT_TRUE(pool.post_after(60'000, [&] { second.set_value(); }));
  EXPECT_EQ(second.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  hold.set_value();
}

TEST(ThreadPool, its_threads_know_that_they_are_its_own) {
  ThreadPool pool(1, 10);
  ThreadPool other(1, 10);
  EXPECT_FALSE(pool.is_running_here());
  std::promise<std::pair<bool, bool>> seen;
  ASSERT_TRUE(pool.post([&] { seen.set_value({pool.is_running_here(), other.is_running_here()}); }));
  EXPECT_EQ(seen.get_future().get(), std::pair(true, false));
}

TEST(ThreadPool, no_job_is_left_behind_between_threads_that_fall_asleep_and_wake) {
  ThreadPool pool(3, 10'000);
  ASSERT_TRUE(pool.post_after(3'600'000'000, [] {}));
  for (int round = 0; round < 2'000; ++round) {
    const auto left = std::make_shared<std::atomic<int>>(4);
    const auto done = std::make_shared<std::promise<void>>();
    for (int i = 0; i < 4; ++i)
      ASSERT_TRUE(pool.post([left, done] {
        if (--*left == 0) done->set_value();
      }));
    ASSERT_EQ(done->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready) << round;
  }
}

}  // namespace
}  // namespace dossier
