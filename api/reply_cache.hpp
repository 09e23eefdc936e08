// Replies in memory, each with the moment it was read at. They are served only after a check that neither the workspace,
// nor the domain of tokens, nor the generation moved since (freshness.hpp). Bounded in bytes; the least recently used go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/http/message.hpp"

namespace dossier::api {

struct CachedReply {
  http::Response response;
  std::string workspace;
  std::uint64_t seq = 0;
  std::uint64_t identity_seq = 0;
  std::int64_t generation = 0;
  std::int64_t expires_us = 0;  // of the token; 0 = never
};

// Thread-safe.
class ReplyCache {
 public:
  explicit ReplyCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  std::shared_ptr<const CachedReply> find(const std::string& key);
  // Replies larger than a sixteenth of the whole are not kept.
  void put(std::string key, std::shared_ptr<const CachedReply> reply);
  void erase(const std::string& key);
  std::size_t bytes() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const CachedReply> reply;
    std::size_t bytes;
  };
  void drop(std::list<Entry>::iterator entry);

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> recent_;  // most recent first
  std::unordered_map<std::string, std::list<Entry>::iterator> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace dossier::api
