// One run on a thread of its own: prepare the worktree, wait for the grant, run the agent, capture what it did, send
// off its activity, say how it ended. It owns the agent's process, so that the process dies with it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/http_client/http_client.hpp"
#include "platform/process/process.hpp"
#include "platform/topic/topic.hpp"
#include "worker/agents/agent.hpp"
#include "worker/identity.hpp"
#include "worker/run.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {

// What runs share; outlives them.
struct RunDependencies {
  const Clock& clock;
  WorkdirStore& workdirs;
  topic::Writer& activity_writer;
  Identity identity;
  std::string activity_topic;
  std::int32_t activity_partitions = 0;
  http_client::Options api;  // for blobs
  std::optional<process::Account> account;
  std::string family_prefix;
  std::int64_t default_timeout_ms = 0;
};

// Called on the run's thread; each must be handed on and return soon.
struct RunListener {
  std::function<void(const RunKey&)> workdir_ready;
  std::function<void(const RunKey&, const std::string& provider_session)> started;
  std::function<void(const RunKey&, std::uint32_t turn, const std::string& provider_turn)> turn_began;
  std::function<void(const RunKey&, const v1::TurnEnded&)> turn_ended;
  std::function<void(const RunKey&, RunEnd)> ended;  // the last call, exactly once
};

class RunThread {
 public:
  RunThread(const RunDependencies& dependencies, RunListener listener, v1::TaskOffer offer);
  ~RunThread();  // stops now, and waits
  RunThread(const RunThread&) = delete;
  RunThread& operator=(const RunThread&) = delete;

  // From the worker's thread.
  void start_agent() noexcept;
  void stop(StopReason reason) noexcept;

 private:
  class Host;
  void run();
  RunEnd run_steps();
  Result<Workdir> prepare();
  bool wait_for_grant();
  AgentRequest make_request(const Workdir& workdir) const;
  Result<v1::SourceCaptured> capture(const Workdir& workdir);
  Status upload(const std::string& file, const std::string& sha256);
  bool stopping() const noexcept { return stop_.load() != 0; }

  const RunDependencies& dependencies_;
  const RunListener listener_;
  const v1::TaskOffer offer_;
  const RunKey key_;
  process::Wakeup wakeup_;
  std::atomic<bool> granted_{false};
  std::atomic<int> stop_{0};  // 0 no, 1 gently, 2 now; only grows
  std::thread thread_;        // last: it uses all of the above
};

}  // namespace dossier::worker
