// Wakes event streams: whoever applies commits or stores activity says so here. A hint only; streams also poll.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dossier::api {

// Thread-safe.
class ChangeHub {
 public:
  // Ends its subscription when it goes. Must not outlive the hub.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(ChangeHub* hub, std::string topic, std::uint64_t id) : hub_(hub), topic_(std::move(topic)), id_(id) {}
    Subscription(Subscription&& other) noexcept { *this = std::move(other); }
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    ChangeHub* hub_ = nullptr;
    std::string topic_;
    std::uint64_t id_ = 0;
  };

  // `wake` is called on the notifier's thread, under a lock: it must only pass the word on.
  Subscription on_commits(std::int32_t partition, std::function<void()> wake);
  Subscription on_activity(std::string_view session_id, std::function<void()> wake);

  // The partition's commits are applied further; also from a listener on the database, for other processes' projectors.
  void applied(std::int32_t partition);
  // Activity of the session was stored.
  void activity(std::string_view session_id);

 private:
  Subscription add(std::string topic, std::function<void()> wake);
  void notify(const std::string& topic);

  std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::string, std::map<std::uint64_t, std::function<void()>>> topics_;
};

}  // namespace dossier::api
