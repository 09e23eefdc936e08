// A client of the live stream that never gives up: whenever the stream ends it goes on after the last message it saw, at
// the other server. Each seq must come once, in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/robustness/recorder.hpp"

namespace dossier::test {

class Follower {
 public:
  Follower(std::string name, std::vector<std::string> urls, const std::string& token, std::string workspace, Recorder& recorder);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  std::uint64_t last_seq() const { return last_seq_; }

 private:
  void run();
  bool take(const std::string& id);

  const std::string name_;
  const std::string workspace_;
  Recorder& recorder_;
  std::vector<std::unique_ptr<Api>> servers_;
  std::atomic<std::uint64_t> last_seq_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace dossier::test
