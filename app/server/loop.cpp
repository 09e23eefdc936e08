// Runs steps until told to stop.
#include "app/server/loop.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "base/log.hpp"

namespace dossier::app {
namespace {

constexpr std::int64_t kFirstPauseUs = 20'000;
constexpr std::int64_t kLongestPauseUs = 2'000'000;
constexpr auto kLogEvery = std::chrono::seconds(10);

}  // namespace

Loop::Loop(std::string name, Step step) : name_(std::move(name)), step_(std::move(step)) {}

Loop::~Loop() { stop(); }

void Loop::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    run();
  });
}

void Loop::run() {
  std::int64_t pause_us = 0;
  std::string last_error;
  auto logged = std::chrono::steady_clock::time_point();
  while (!stopping_.load()) {
    auto next = step_();
    if (next) {
      if (pause_us != 0) log::info("app", name_ + " goes on");
      pause_us = 0;
      last_error.clear();
      if (*next > 0) waker_.wait(*next);
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    if (next.error().message != last_error || now - logged > kLogEvery) {
      log::warn("app", name_ + ": " + std::string(to_string(next.error().code)) + ": " + next.error().message);
      last_error = next.error().message;
      logged = now;
    }
    pause_us = std::clamp(pause_us * 2, kFirstPauseUs, kLongestPauseUs);
    waker_.wait(pause_us);
  }
}

void Loop::stop() {
  stopping_.store(true);
  waker_.wake();
  if (thread_.joinable()) thread_.join();
}

}  // namespace dossier::app
