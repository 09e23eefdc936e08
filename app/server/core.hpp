// What every role of the server shares: the database, the writers, the write path. Made in the order of its members, ended
// in reverse.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "app/server/settings.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/thread_pool.hpp"
#include "platform/postgres/pool.hpp"
#include "platform/topic/topic.hpp"
#include "producers/command_runner.hpp"
#include "producers/commit_log.hpp"
#include "producers/control_sender.hpp"
#include "producers/postgres_dispatch_store.hpp"
#include "producers/postgres_intake_store.hpp"
#include "producers/postgres_state_store.hpp"
#include "producers/recent_states.hpp"
#include "producers/verdict_board.hpp"

namespace dossier::app {

class Core {
 public:
  static constexpr std::size_t kHandlerThreads = 8;  // and as many connections: a handler never waits for one for long
  static constexpr std::size_t kHandlerQueue = 2'048;
  static constexpr std::size_t kBackgroundConnections = 6;  // loops, one at a time each

  // Opens nothing yet but background connections of librdkafka.
  static Result<std::unique_ptr<Core>> make(Settings settings, producers::LogIdentity identity, std::string process);
  // Compares the log with the database and begins it where it is new; until this succeeded no command is appended.
  // log_mismatch: end the process. log_unavailable: try again.
  Status verify_log();
  bool log_verified() const { return log_verified_.load(); }
  void add_metrics();
  // At the end, with runner and executor stopped: what is still in flight gets its outcome now, while whoever waits for it
  // is still there.
  void close_writers();

  const Settings settings;
  const producers::LogIdentity identity;
  const std::string process;  // unique among all processes that ever run; ends with "-" and the digest of its code
  const SystemClock clock;
  MetricsRegistry metrics;
  postgres::Pool database;
  postgres::Pool background;
  std::unique_ptr<topic::Writer> commits;   // dossier.events; never nullptr before close_writers()
  std::unique_ptr<topic::Writer> messages;  // offers, control, ticks
  producers::PostgresStateStore states;
  producers::PostgresStateStore background_states;
  producers::PostgresDispatchStore dispatch;
  producers::VerdictBoard board;
  producers::RecentStates recent;
  producers::ControlSender control;
  ThreadPool executor;
  producers::CommitLog log;
  producers::CommandRunner runner;

 private:
  Core(Settings settings, producers::LogIdentity identity, std::string process, std::unique_ptr<topic::Writer> commits,
       std::unique_ptr<topic::Writer> messages);
  std::atomic<bool> log_verified_{false};
};

}  // namespace dossier::app
