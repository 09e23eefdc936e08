// Follows control topics on behalf of workers that have no route to Kafka: keeps the newest messages of each pool that is
// asked for, and answers whoever waits for the ones to a worker.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::producers {

// Thread-safe. One thread of its own reads for all pools.
class ControlFollower {
 public:
  struct Options {
    std::size_t max_kept = 8'192;             // messages a pool
    std::size_t max_kept_bytes = 16u << 20;   // a pool
    std::int64_t look_back = 2'000;           // messages that are read where a pool is followed anew
    std::size_t max_waiting = 4'096;          // beyond: overloaded
    std::size_t max_pools = 1'000;            // beyond: overloaded
    std::size_t max_answer_bytes = 1u << 20;  // of one answer; the rest is asked for next
    std::int64_t unfollow_us = 120'000'000;   // a pool that nobody asked for this long
    std::int64_t poll_ms = 50;                // how late a deadline may be noticed
    std::int64_t retry_us = 5'000'000;        // a topic whose ends can't be found is not looked for again before
  };
  struct Message {
    std::int64_t offset = 0;
    std::string value;
  };
  struct Answer {
    std::vector<Message> messages;
    std::int64_t next = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  using Done = std::function<void(Result<Answer>)>;

  ControlFollower(std::unique_ptr<topic::Reader> reader, const Clock& clock);
  ControlFollower(std::unique_ptr<topic::Reader> reader, const Clock& clock, Options options);
  ~ControlFollower();  // who still waits gets shutting_down
  ControlFollower(const ControlFollower&) = delete;
  ControlFollower& operator=(const ControlFollower&) = delete;

  // Messages of the topic to this worker from `offset` on (-1: from the end), as soon as there is one; an empty answer after
  // wait_us. `done` is called exactly once, at once or later, on any thread. Errors: log_mismatch (the offset is not kept any
  // more, or beyond the end: begin anew with -1), overloaded, log_unavailable, shutting_down.
  void wait(const std::string& topic, const std::string& workspace, const std::string& worker, std::int64_t offset, std::int64_t wait_us, Done done);

  // Answers all who wait, and whoever comes later, with shutting_down.
  void stop();
  std::size_t waiting() const;

 private:
  struct Kept {
    std::int64_t offset = 0;
    std::string workspace;
    std::string worker;
    std::string value;
  };
  struct Followed {
    bool known = false;  // begin and next are
    Status failed;       // not known: why the last look failed
    std::int64_t retry_at_us = 0;
    std::int64_t begin = 0;  // first offset kept
    std::int64_t next = 0;   // to read
    std::deque<Kept> kept;
    std::size_t bytes = 0;
    std::int64_t asked_us = 0;
  };
  struct Waiter {
    std::string topic, workspace, worker;
    std::int64_t offset = 0;
    std::int64_t until_us = 0;
    Done done;
  };
  using Answers = std::vector<std::pair<Done, Result<Answer>>>;

  void run();
  Status step();
  Status follow_new();
  Status reassign();
  void take(const topic::Record& record);
  void answer_waiters(Answers& out);
  // Nothing: it has to wait. With mutex_ held.
  std::optional<Result<Answer>> try_answer(const Followed& followed, Waiter& waiter) const;

  const std::unique_ptr<topic::Reader> reader_;  // of the thread
  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::map<std::string, Followed> followed_;
  std::vector<Waiter> waiters_;
  bool reassign_due_ = false;  // of the thread
  std::size_t looks_ = 0;      // of the thread: at topics that are not known yet, each in its turn
  std::thread thread_;
};

}  // namespace dossier::producers
