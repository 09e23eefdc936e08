// One run on a thread of its own: prepare the worktree, wait for the grant, let the agent have its turns, capture what it
// did, send off its activity, say how it ended. It owns the agent's process, so that the process dies with it, unless the
// agent stays warm in the pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/http_client/http_client.hpp"
#include "platform/process/process.hpp"
#include "platform/topic/topic.hpp"
#include "worker/agent_pool.hpp"
#include "worker/identity.hpp"
#include "worker/limits/limits.hpp"
#include "worker/masking/masker.hpp"
#include "worker/project_secrets.hpp"
#include "worker/run.hpp"
#include "worker/run_host.hpp"
#include "worker/run_mailbox.hpp"
#include "worker/session_homes.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {

// What runs share; outlives them.
struct RunDependencies {
  const Clock& clock;
  WorkdirStore& workdirs;
  SessionHomes& homes;
  AgentPool& agents;
  topic::Writer& activity_writer;
  Identity identity;
  std::string activity_topic;
  std::int32_t activity_partitions = 0;
  http_client::Options api;  // for blobs
  std::optional<process::Account> account;
  std::string family_prefix;
  std::int64_t default_timeout_ms = 0;
  std::shared_ptr<const masking::Secrets> secrets = {};  // never nullptr in a run: what is masked
  limits::TaskLimits limits = {};
  std::vector<std::string> known_values = {};  // that `secrets` is made of; a run's are made of these and its project's
  std::function<Result<ProjectSecrets>(const std::string& project_id)> project_secrets = {};  // asks once; none: projects have no secrets
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
  void tell(RunMail mail) { mailbox_.put(std::move(mail)); }

 private:
  void run();
  RunEnd run_steps();
  RunEnd run_agent(const Workdir& workdir);
  Result<ProjectSecrets> open_secrets(const git::ShouldStop& should_stop);
  Result<Workdir> prepare(const ProjectSecrets& secrets, const git::ShouldStop& should_stop);
  Error with_advice(Error error, const ProjectSecrets& secrets) const;
  RunEnd masked(RunEnd end) const;
  bool wait_for_grant();

  RunDependencies dependencies_;  // its secrets are those of the run, once it has them
  const RunListener listener_;
  const v1::TaskOffer offer_;
  const RunKey key_;
  process::Wakeup wakeup_;
  RunMailbox mailbox_{wakeup_};
  std::atomic<bool> granted_{false};
  RunStop stop_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace dossier::worker
