// Topics with the settings that correctness needs, the schema, the log's beginning.
#include "producers/setup.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/log.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/postgres_log_identity.hpp"

namespace dossier::producers {
namespace {

using Configs = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kDayMs = "86400000";
constexpr const char* kThirtyDaysMs = "2592000000";

// How many brokers hold each record, and when a record counts as written. With one broker that is its fsync; with three,
// two brokers.
struct Durability {
  std::int32_t replication = 1;
  Configs records;  // for what must never be lost
};
Durability durability(std::int32_t brokers) {
  if (brokers < 3) return {1, {{"flush.messages", "1"}}};
  return {3, {{"min.insync.replicas", "2"}, {"unclean.leader.election.enable", "false"}}};
}

Configs with(Configs a, const Configs& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Status make(kafka::Admin& admin, const kafka::TopicSpec& spec) {
  TRY(const bool made, admin.create_topic(spec));
  if (made) {
    log::info("producers", "made topic " + spec.name);
    return {};
  }
  TRY(const std::int32_t partitions, admin.partition_count(spec.name));
  if (partitions == spec.partitions) return {};
  return make_error(Code::log_mismatch, "topic " + spec.name + " has " + std::to_string(partitions) + " partitions, " +
                                            std::to_string(spec.partitions) + " are needed: take another topic prefix");
}

}  // namespace

Status make_topics(kafka::Admin& admin, const events::Topics& topics, std::int32_t partitions) {
  TRY(const kafka::ClusterInfo cluster, admin.describe_cluster());
  const Durability durable = durability(cluster.brokers);
  const Configs forever{{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}};
  const Configs sized{{"max.message.bytes", "1048576"}, {"message.timestamp.type", "LogAppendTime"}};
  TRY_STATUS(make(admin, {topics.events(), partitions, durable.replication, with(with(forever, sized), durable.records)}));
  TRY_STATUS(
      make(admin, {topics.reports(), partitions, durable.replication, with({{"cleanup.policy", "delete"}, {"retention.ms", kThirtyDaysMs}}, sized)}));
  TRY_STATUS(make(admin, {topics.activity(), partitions, durable.replication, with(forever, sized)}));
  return make(admin, {topics.checkpoints(), 1, durable.replication, with(forever, durable.records)});
}

Status make_pool_topics(kafka::Admin& admin, const events::Topics& topics, const std::string& pool, std::int32_t workers) {
  if (!events::is_pool(pool)) return make_error(Code::invalid_field, "a pool's name has 1 to 100 characters of a-z, 0-9, '.', '_', '-'", "pool");
  TRY(const kafka::ClusterInfo cluster, admin.describe_cluster());
  const std::int32_t replication = durability(cluster.brokers).replication;
  const Configs day{{"cleanup.policy", "delete"}, {"retention.ms", kDayMs}, {"message.timestamp.type", "LogAppendTime"}};
  const std::int32_t wanted = std::clamp(2 * workers, kMinTaskPartitions, kMaxTaskPartitions);
  TRY(const bool made, admin.create_topic({topics.tasks(pool), wanted, replication, day}));
  if (!made) {
    TRY(const std::int32_t present, admin.partition_count(topics.tasks(pool)));
    // By half as many again: growing makes the group's members share out anew, so it should be rare.
    if (present < wanted)
      TRY_STATUS(admin.grow_partitions(topics.tasks(pool), std::min(std::max(wanted, present + present / 2), kMaxTaskPartitions)));
  }
  TRY(const bool control_made, admin.create_topic({topics.control(pool), 1, replication, day}));
  (void)control_made;
  return {};
}

Status make_schema(const std::string& database_url, const std::string& digest) {
  TRY_STATUS(postgres::migrate(database_url));
  TRY(const auto generations, postgres::generations(database_url));
  if (std::any_of(generations.begin(), generations.end(), [](const auto& one) { return one.state == postgres::GenerationState::live; })) return {};
  // A first start that was cut off, or another process that starts at the same time, may have made it already.
  auto made = postgres::create_generation(database_url, digest);
  std::int64_t number = made ? made->number : 0;
  if (!made) {
    if (made.error().code != Code::already_exists) return made.error();
    TRY(const auto again, postgres::generations(database_url));
    for (const auto& one : again) {
      if (one.state == postgres::GenerationState::live) return {};
      if (one.digest == digest) number = one.number;
    }
  }
  const Status switched = postgres::switch_generation(database_url, number);
  if (switched) return {};
  TRY(const auto now, postgres::generations(database_url));
  const bool live = std::any_of(now.begin(), now.end(), [](const auto& one) { return one.state == postgres::GenerationState::live; });
  return live ? Status() : switched;
}

namespace {

Result<std::int32_t> partitions_of_log(kafka::Admin& admin, const events::Topics& topics, std::int32_t wanted) {
  const auto present = admin.partition_count(topics.events());
  if (!present && present.error().code != Code::not_found) return present.error();
  if (!present) return wanted > 0 ? wanted : events::kDefaultPartitions;
  if (wanted > 0 && wanted != *present)
    return make_error(Code::log_mismatch, topics.events() + " has " + std::to_string(*present) + " partitions for ever, and " +
                                              std::to_string(wanted) +
                                              " were asked for: leave --partitions out, or begin another log with another topic prefix");
  return *present;
}

}  // namespace

Result<LogIdentity> initialise(const kafka::Cluster& cluster, const std::string& database_url, const events::Topics& topics,
                               const std::string& digest, const Clock& clock, std::int32_t partitions) {
  TRY(const auto admin, kafka::Admin::make(cluster));
  TRY(partitions, partitions_of_log(*admin, topics, partitions));
  TRY_STATUS(make_topics(*admin, topics, partitions));
  TRY_STATUS(make_schema(database_url, digest));
  TRY(const auto writer, kafka::make_writer(cluster, kafka::WriterKind::commits));
  TRY(const auto reader, kafka::make_reader(cluster));
  PostgresLogIdentity identity(database_url);
  return open_log(*reader, *writer, identity, topics, crypto::random_uuid_hex(), clock);
}

}  // namespace dossier::producers
