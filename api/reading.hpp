// How a GET is answered: authentication, access and data in one snapshot and one round trip; ETag from its seq; `after`
// waits for it without a thread; replies kept in memory are checked before they are used again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "api/freshness.hpp"
#include "api/reply_cache.hpp"
#include "api/route.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::api {

// Thread-safe; its calls run on pool threads.
class Reading {
 public:
  struct Options {
    std::size_t cache_bytes = 24u << 20;  // 0: every GET reads the database
    std::int64_t after_wait_us = 5'000'000;
    std::int64_t after_pause_us = 5'000;  // between two looks, doubled up to kMaxAfterPauseUs
  };
  static constexpr std::int64_t kMaxAfterPauseUs = 100'000;

  Reading(Environment& environment, Freshness& freshness, Options options)
      : environment_(environment), freshness_(freshness), options_(options), cache_(options.cache_bytes) {}

  void answer(const CallPtr& call, const crypto::Hash& token, const http::Responder& responder);
  // The same reply to a caller who was admitted before, as of at least `seq`: what a command shows of what it changed.
  void show(const CallPtr& call, const Read& read, std::uint64_t seq, std::function<void(Result<Reply>)> done);

  std::uint64_t cache_hits() const { return hits_.load(std::memory_order_relaxed); }
  std::uint64_t cache_misses() const { return misses_.load(std::memory_order_relaxed); }

 private:
  struct Pending {
    CallPtr call;
    crypto::Hash token;
    http::Responder responder;
    std::string cache_key;  // empty: not to be kept
    std::uint64_t after = 0;
    std::int64_t deadline_us = 0;
    std::int64_t pause_us = 0;
  };
  using PendingPtr = std::shared_ptr<Pending>;
  // projection_behind: `after` is not reached yet.
  Result<Reply> fetch(Pending& pending);
  void read(const PendingPtr& pending);
  void keep(const Pending& pending, const http::Response& response);
  void wait(const PendingPtr& pending);
  bool is_current(const CachedReply& cached, const Heads& heads) const;

  Environment& environment_;
  Freshness& freshness_;
  const Options options_;
  ReplyCache cache_;
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::uint64_t> misses_{0};
};

}  // namespace dossier::api
