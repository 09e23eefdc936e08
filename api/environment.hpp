// What the resources work with. Made by app/, lives as long as the application; everything in it is thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "events/limits.hpp"
#include "events/names.hpp"
#include "platform/postgres/pool.hpp"
#include "platform/topic/topic.hpp"
#include "producers/command_runner.hpp"
#include "producers/control_follower.hpp"
#include "producers/secrets.hpp"

namespace dossier::api {

class ChangeHub;

// What a worker is told when it registers.
struct WorkerAccess {
  std::string bootstrap;                                        // as workers reach the brokers
  std::vector<std::pair<std::string, std::string>> properties;  // librdkafka settings with the worker role's credentials
  events::Topics topics;
  std::int32_t reports_partitions = events::kDefaultPartitions;
  std::int32_t activity_partitions = events::kDefaultPartitions;
  // Makes the pool's topics and lets workers read them. Blocks; called on a pool thread, again for every registration.
  std::function<Status(const std::string& pool)> prepare_pool;
  // For workers without a route to the brokers; nullptr: this process is no gateway.
  topic::Writer* records = nullptr;
  producers::ControlFollower* control = nullptr;
};

// One thing that must hold before this process takes requests.
struct Readiness {
  std::string name;
  std::function<Status()> check;
};

struct Environment {
  postgres::Pool& database;
  producers::CommandRunner& commands;
  producers::Secrets& secrets;
  Executor& executor;   // the pool that handlers run on
  Executor& passwords;  // argon2id alone: few threads, each call takes 64 MiB and a tenth of a second
  const Clock& clock;
  ChangeHub& changes;
  std::string name_key;   // HMAC key of login streams
  std::string token_key;  // HMAC key of tokens that must come out the same for a repeated request
  std::string seal_key;   // what projects' secrets are sealed with, 32 bytes
  std::string blob_folder;
  WorkerAccess workers;
  std::vector<Readiness> readiness;
  MetricsRegistry& metrics;
  std::int32_t partitions = events::kDefaultPartitions;  // of the events topic
};

}  // namespace dossier::api
