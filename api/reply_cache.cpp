// Least recently used, counted in bytes.
#include "api/reply_cache.hpp"

namespace dossier::api {
namespace {

constexpr std::size_t kEntryBytes = 512;  // an entry's own weight, roughly

}  // namespace

std::shared_ptr<const CachedReply> ReplyCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->reply;
}

void ReplyCache::put(std::string key, std::shared_ptr<const CachedReply> reply) {
  const std::size_t size = kEntryBytes + 2 * key.size() + reply->response.body.size();
  if (size > max_bytes_ / 16) return;
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) drop(found->second);
  recent_.push_front({key, std::move(reply), size});
  entries_.emplace(std::move(key), recent_.begin());
  bytes_ += size;
  while (bytes_ > max_bytes_) drop(std::prev(recent_.end()));
}

void ReplyCache::erase(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) drop(found->second);
}

std::size_t ReplyCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ReplyCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  entries_.erase(entry->key);
  recent_.erase(entry);
}

}  // namespace dossier::api
