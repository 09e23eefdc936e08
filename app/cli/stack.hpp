// Direct access to Kafka and Postgres for the operator's commands, by --kafka…, --database and their like.
#pragma once

#include <memory>
#include <string>

#include "app/cli/command.hpp"
#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"
#include "platform/postgres/pool.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::cli {

events::Topics topics_of(const Invocation& in);
bool has_kafka(const Invocation& in);
bool has_database(const Invocation& in);
// usage: neither --kafka nor --kafka-properties is given, or a setting in them is wrong.
Result<kafka::Cluster> cluster_of(const Invocation& in);
Result<std::unique_ptr<topic::Reader>> open_reader(const Invocation& in);
// usage: --database is not given. Two connections, long queries allowed.
Result<std::unique_ptr<postgres::Pool>> open_database(const Invocation& in);

}  // namespace dossier::cli
