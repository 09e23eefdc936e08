// Borrowing, giving back, and being quick about a database that is down.
#include "platform/postgres/pool.hpp"

#include <algorithm>
#include <chrono>

#include "base/check.hpp"
#include "base/clock.hpp"

namespace dossier::postgres {

Lease::Lease(Lease&& other) noexcept : pool_(other.pool_), connection_(std::move(other.connection_)) {}
Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    if (connection_) pool_->give_back(std::move(connection_));
    pool_ = other.pool_;
    connection_ = std::move(other.connection_);
  }
  return *this;
}
Lease::~Lease() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Pool::Pool(PoolOptions options) : options_(std::move(options)) { CHECK(options_.size > 0); }

Pool::~Pool() {
  close();
  const std::lock_guard lock(mutex_);
  CHECK(open_ == idle_.size());
}

void Pool::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  freed_.notify_all();
}

PoolStats Pool::stats() const {
  const std::lock_guard lock(mutex_);
  PoolStats out = stats_;
  out.size = options_.size;
  out.open = open_;
  out.in_use = open_ - idle_.size();
  return out;
}

void Pool::give_back(std::unique_ptr<Connection> connection) noexcept {
  std::unique_ptr<Connection> dropped;  // closed outside the lock
  const std::lock_guard lock(mutex_);
  if (connection->known_broken() || closed_) {
    dropped = std::move(connection);
    --open_;
  } else {
    idle_.push_back(std::move(connection));
  }
  freed_.notify_one();
}

Result<Lease> Pool::acquire() {
  const auto begin = SystemClock().boot_us();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.acquire_timeout_ms);
  bool waited = false;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (closed_) return make_error(Code::shutting_down, "the database pool is closed");
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());  // the one used last: its caches are warm
      idle_.pop_back();
      lock.unlock();
      const bool dead = connection->broken();
      if (dead) connection.reset();
      lock.lock();
      if (dead) {
        --open_;
        freed_.notify_one();
        continue;
      }
      ++stats_.acquired;
      if (waited) {
        ++stats_.waited;
        stats_.wait_us_total += static_cast<std::uint64_t>(SystemClock().boot_us() - begin);
      }
      return Lease(this, std::move(connection));
    }
    if (open_ < options_.size) {
      if (last_failure_us_ >= 0 && SystemClock().boot_us() - last_failure_us_ < kReconnectPauseMs * 1'000) {
        Error error = make_error(Code::database_unavailable, last_failure_);
        error.retry_after_ms = 1'000;
        return error;
      }
      ++open_;
      lock.unlock();
      auto opened = Connection::open(options_.connection);
      lock.lock();
      if (!opened) {
        --open_;
        ++stats_.connect_failures;
        last_failure_us_ = SystemClock().boot_us();
        last_failure_ = opened.error().message;
        freed_.notify_all();
        return opened.error();
      }
      last_failure_us_ = -1;
      ++stats_.acquired;
      return Lease(this, *std::move(opened));
    }
    waited = true;
    if (freed_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty() && open_ >= options_.size && !closed_) {
      ++stats_.timed_out;
      Error error = make_error(Code::overloaded, "every database connection is in use");
      error.retry_after_ms = 500;
      return error;
    }
  }
}

}  // namespace dossier::postgres
