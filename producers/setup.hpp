// What must be there before a server can start: topics, schema, a generation of read models, and the beginning of the log
// (`dossier admin init`); and the topics of a pool, made when its first worker registers. All of it may be repeated.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "events/limits.hpp"
#include "events/names.hpp"
#include "platform/kafka/admin.hpp"
#include "platform/kafka/kafka.hpp"
#include "producers/commit_log.hpp"

namespace dossier::producers {

inline constexpr std::int32_t kMinTaskPartitions = 16;
inline constexpr std::int32_t kMaxTaskPartitions = 1'024;

// Makes the topics that are missing. log_mismatch: one exists with another number of partitions.
Status make_topics(kafka::Admin& admin, const events::Topics& topics, std::int32_t partitions = events::kDefaultPartitions);

// dossier.tasks.<pool>, with two partitions for each of `workers` and at least kMinTaskPartitions, and
// dossier.control.<pool>. Grows the first where it has too few.
Status make_pool_topics(kafka::Admin& admin, const events::Topics& topics, const std::string& pool, std::int32_t workers);

// Migrations, and a live generation where there is none; `digest` names the versions of the read models' code.
Status make_schema(const std::string& database_url, const std::string& digest);

// All of it: topics, schema, and the Genesis of every partition. `partitions` is of a log that is begun by this, at most
// events::kMaxPartitions; 0: kDefaultPartitions. A log that is there keeps its number for ever: log_mismatch where another one is asked for.
Result<LogIdentity> initialise(const kafka::Cluster& cluster, const std::string& database_url, const events::Topics& topics,
                               const std::string& digest, const Clock& clock, std::int32_t partitions = 0);

}  // namespace dossier::producers
