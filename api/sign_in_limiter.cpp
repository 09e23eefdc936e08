// Buckets, kept as the time at which each is full again.
#include "api/sign_in_limiter.hpp"

#include <algorithm>

namespace dossier::api {

std::int64_t SignInLimiter::take(const std::string& login, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(login);
  if (found == buckets_.end()) {
    if (recent_.size() == kMaxLogins) {
      buckets_.erase(recent_.back().login);
      recent_.pop_back();
    }
    recent_.push_front({login, now_us});
    found = buckets_.emplace(login, recent_.begin()).first;
  }
  recent_.splice(recent_.begin(), recent_, found->second);
  Bucket& bucket = *found->second;
  const std::int64_t full_at = std::max(bucket.full_at_us, now_us) + kRefillUs;
  const std::int64_t wait = full_at - now_us - kTries * kRefillUs;
  if (wait > 0) return wait;
  bucket.full_at_us = full_at;
  return 0;
}

void SignInLimiter::forgive(const std::string& login) {
  const std::lock_guard lock(mutex_);
  const auto found = buckets_.find(login);
  if (found == buckets_.end()) return;
  recent_.erase(found->second);
  buckets_.erase(found);
}

}  // namespace dossier::api
