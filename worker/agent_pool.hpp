// Agents of this worker, each in use by one run or idle and warm: a warm one has its process still, and the next run of
// its session, in the same place, goes on with it at once.
//
// Bounded: in use and idle together are at most max_agents; where room is needed the one that is idle longest is ended, and
// so is each after idle_us. One in use never is. close() ends the idle ones and keeps no more.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "worker/agents/agent.hpp"

namespace dossier::worker {

// What the agent of a session is bound to.
struct AgentPlace {
  std::string provider;
  std::string provider_session;  // empty: a session that begins
  std::string worktree;
  std::string home;
};

// Thread-safe. Agents are ended on the thread that calls; that may take some seconds. Leases end before the pool does.
class AgentPool {
 public:
  struct Limits {
    std::size_t max_agents = 1;  // no less than runs at the same time
    std::int64_t idle_us = 600'000'000;
  };
  using Make = std::function<std::unique_ptr<Agent>(std::string_view provider)>;

  AgentPool(const Clock& clock, Limits limits, Make make = make_agent);
  ~AgentPool();
  AgentPool(const AgentPool&) = delete;
  AgentPool& operator=(const AgentPool&) = delete;

  // An agent for one run; the destructor ends it, unless put_back() found it warm.
  class Lease {
   public:
    Lease() = default;
    ~Lease();
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    Agent* agent() const { return agent_.get(); }  // nullptr: no such provider
    // The run is over; provider_session: of the agent now. One that is warm becomes idle.
    void put_back(const std::string& provider_session);

   private:
    friend class AgentPool;
    AgentPool* pool_ = nullptr;
    AgentPlace place_;
    std::unique_ptr<Agent> agent_;
  };
  // The warm one of that session, if it is in that very place; else a new one. An idle one of that session elsewhere, or of
  // another session in that home, is ended first: two must not work there. Waits while there is no room.
  Lease take(const AgentPlace& place);

  // Ends what is idle too long.
  void end_idle();
  void close();

  std::size_t idle() const;
  std::size_t in_use() const;

 private:
  struct Idle {
    AgentPlace place;
    std::unique_ptr<Agent> agent;
    std::int64_t since_us = 0;
    std::uint64_t folder = 0;  // identity of the worktree: a new folder of the old name is another place
  };
  void keep_or_end(const AgentPlace& place, std::unique_ptr<Agent> agent);
  void end(std::unique_ptr<Agent> agent, bool was_in_use);

  const Clock& clock_;
  const Limits limits_;
  const Make make_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Idle> idle_;  // idle longest first
  std::size_t in_use_ = 0;
  std::size_t ending_ = 0;
  bool closed_ = false;
};

}  // namespace dossier::worker
