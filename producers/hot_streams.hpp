// One command in flight per hot stream of this process: a hint that spares rounds lost to itself, no ownership.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace dossier::producers {

enum class Turn { now, queued, full };

// T waits for its turn on a key. Not thread-safe.
template <class T>
class HotStreams {
 public:
  explicit HotStreams(std::size_t max_queue) : max_queue_(max_queue) {}

  // now: the caller has the turn. queued: leave() of another one will hand it out.
  Turn enter(const std::string& key, T item) {
    const auto [it, first] = queues_.try_emplace(key);
    if (first) return Turn::now;
    if (it->second.size() >= max_queue_) return Turn::full;
    it->second.push_back(std::move(item));
    return Turn::queued;
  }
  // Ends the turn; the next one in line has it now.
  std::optional<T> leave(const std::string& key) {
    const auto it = queues_.find(key);
    if (it == queues_.end()) return std::nullopt;
    if (it->second.empty()) {
      queues_.erase(it);
      return std::nullopt;
    }
    T next = std::move(it->second.front());
    it->second.pop_front();
    return next;
  }

 private:
  const std::size_t max_queue_;
  std::unordered_map<std::string, std::deque<T>> queues_;  // a key is there while someone has the turn
};

}  // namespace dossier::producers
