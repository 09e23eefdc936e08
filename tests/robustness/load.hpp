// Many clients at once: each has one command under way, sends it again under its key, to any server, while the answer is not
// final, looks whether what was acknowledged is there, and tells the recorder all of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/robustness/recorder.hpp"

namespace dossier::test {

// What the clients work on.
struct LoadPlace {
  std::vector<std::string> urls;  // of the servers
  std::string token;
  std::string user;
  std::string workspace;
  std::string project;  // "": nobody asks agents
  std::string agent;
};

class Load {
 public:
  Load(LoadPlace place, Recorder& recorder, std::uint64_t seed, int clients, std::int64_t pause_ms);
  // Ends what runs: what has no final answer then has none.
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // No new commands; those under way are sent until they are answered. False: some still were not at the deadline.
  bool finish(std::int64_t deadline_ms);
  // Commands that had a final answer.
  std::int64_t settled() const { return settled_; }

 private:
  enum class Kind : std::uint8_t { open, comment, ask, edit, cancel };
  struct Command {
    Kind kind = Kind::open;
    std::string target;
    std::string route;  // as the commit's id derives from it
    json::Value body;
    std::string method = "POST";
    std::string relies_on;  // an acknowledged thing: it must not be unknown
    std::string task = {};  // that it was answered with
    Sent sent;
    AskedCommand asked;
  };
  class Client;

  std::string pick_issue(std::mt19937_64& random);
  std::string pick_task(std::mt19937_64& random);
  void made(const Command& command);

  const LoadPlace place_;
  Recorder& recorder_;
  const std::int64_t pause_ms_;
  std::atomic<bool> finishing_{false};
  std::atomic<bool> stop_{false};
  std::atomic<int> busy_{0};
  std::atomic<std::int64_t> settled_{0};
  std::mutex mutex_;
  std::vector<std::string> issues_;  // acknowledged
  std::vector<std::string> tasks_;
  std::vector<std::thread> threads_;
};

}  // namespace dossier::test
