// A thread around a component's step: the only place where components get threads of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "base/waker.hpp"

namespace dossier::app {

class Loop {
 public:
  // `step` does one bounded unit of work and returns the microseconds until the next one may have something to do (0: at
  // once), or an error, which is logged (the same one once a while) and followed by a pause that grows up to 2 s.
  using Step = std::function<Result<std::int64_t>()>;
  Loop(std::string name, Step step);
  ~Loop();  // stop()
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start();
  void wake() { waker_.wake(); }
  // Returns once the thread has ended; a step that waits ends by its own bound.
  void stop();

 private:
  void run();
  const std::string name_;
  const Step step_;
  std::atomic<bool> stopping_{false};
  Waker waker_;
  std::thread thread_;
};

}  // namespace dossier::app
