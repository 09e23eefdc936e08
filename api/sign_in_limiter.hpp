// How often a login may be tried: a bucket a login that fills again with time. Bounded; the least recently tried login is
// forgotten first. Not about load (the password pool bounds that) but about guessing.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

namespace dossier::api {

// Thread-safe.
class SignInLimiter {
 public:
  static constexpr int kTries = 10;
  static constexpr std::int64_t kRefillUs = 6'000'000;  // one more try
  static constexpr std::size_t kMaxLogins = 10'000;

  // 0: go ahead, and one try is taken; else the microseconds until the next one.
  std::int64_t take(const std::string& login, std::int64_t now_us);
  // It was the right password: the tries are given back.
  void forgive(const std::string& login);

 private:
  struct Bucket {
    std::string login;
    std::int64_t full_at_us;  // when all tries are back
  };
  std::mutex mutex_;
  std::list<Bucket> recent_;
  std::unordered_map<std::string, std::list<Bucket>::iterator> buckets_;
};

}  // namespace dossier::api
