// Kafka → one Postgres table with the product's parts: the reader of platform/kafka, array statements in one pipelined
// transaction whose first statement moves the position, so that each event counts once. One thread reads and parses, one
// writes.
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "bench/beside/beside.hpp"
#include "platform/postgres/connection.hpp"
#include "tests/support/clusters.hpp"

namespace dossier::bench::beside {
namespace {

constexpr std::size_t kBatch = 5'000;  // as the peers' batches
constexpr std::size_t kMostWaiting = 2;

struct Event {
  std::int64_t id, entity, version, at_us;
  std::string workspace, stream, kind, body;
};
struct EventBatch {
  std::int64_t from = 0, next = 0;  // offsets
  std::vector<Event> events;
};

Result<Event> parse_event(const std::string& value) {
  TRY(const json::Value document, json::parse(value));
  return Event{document.integer_or("id", 0),
               document.integer_or("entity", 0),
               document.integer_or("version", 0),
               document.integer_or("at_us", 0),
               document.text("workspace"),
               document.text("stream"),
               document.text("kind"),
               document.text("body")};
}

// Hands batches from the reading thread to the writing one; bounded.
class Belt {
 public:
  void put(Result<EventBatch> batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() < kMostWaiting || closed_; });
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
  }
  Result<EventBatch> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty(); });
    auto batch = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return batch;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Result<EventBatch>> waiting_;
  bool closed_ = false;
};

Result<EventBatch> read_batch(topic::Reader& reader) {
  topic::PollLimits limits;
  limits.max_records = kBatch;
  limits.linger_us = 5'000;
  TRY(const topic::Polled polled, reader.poll(limits));
  EventBatch batch;
  for (const topic::Record& record : polled.records) {
    TRY(Event event, parse_event(record.value));
    if (batch.events.empty()) batch.from = record.offset;
    batch.next = record.offset + 1;
    batch.events.push_back(std::move(event));
  }
  return batch;
}

constexpr std::string_view kMoveSql = R"(
WITH moved AS (UPDATE sink_position SET next_offset = $2 WHERE next_offset = $1 RETURNING 1) SELECT 1 / count(*) FROM moved)";
constexpr std::string_view kInsertSql = R"(
INSERT INTO events_insert (id, entity, workspace, stream, version, kind, at_us, body)
SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]), unnest($6::text[]), unnest($7::bigint[]),
  unnest($8::text[]))";
constexpr std::string_view kUpsertSql = R"(
INSERT INTO events_upsert (id, entity, workspace, stream, version, kind, at_us, body)
SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]), unnest($6::text[]), unnest($7::bigint[]),
  unnest($8::text[])
ON CONFLICT (entity) DO UPDATE SET id = excluded.id, workspace = excluded.workspace, stream = excluded.stream, version = excluded.version,
  kind = excluded.kind, at_us = excluded.at_us, body = excluded.body)";

// Only the last event of an entity: one statement may touch a row once.
std::vector<Event> last_of_each(std::vector<Event> events) {
  std::unordered_map<std::int64_t, std::size_t> place;
  std::vector<Event> last;
  for (Event& event : events) {
    const auto [at, added] = place.try_emplace(event.entity, last.size());
    if (added)
      last.push_back(std::move(event));
    else
      last[at->second] = std::move(event);
  }
  return last;
}

postgres::Params columns_of(const std::vector<Event>& events) {
  using rows::Type;
  const std::size_t size = events.size();
  postgres::Array id(Type::int8, size), entity(Type::int8, size), workspace(Type::text, size), stream(Type::text, size), version(Type::int8, size),
      kind(Type::text, size), at_us(Type::int8, size), body(Type::text, size);
  for (const Event& event : events) {
    id.int8(event.id);
    entity.int8(event.entity);
    workspace.text(event.workspace);
    stream.text(event.stream);
    version.int8(event.version);
    kind.text(event.kind);
    at_us.int8(event.at_us);
    body.text(event.body);
  }
  postgres::Params params;
  params.array(std::move(id)).array(std::move(entity)).array(std::move(workspace)).array(std::move(stream)).array(std::move(version));
  params.array(std::move(kind)).array(std::move(at_us)).array(std::move(body));
  return params;
}

Status write_batch(postgres::Connection& connection, EventBatch batch, bool upsert) {
  postgres::Params move;
  move.int8(batch.from).int8(batch.next);
  const postgres::Params rows = columns_of(upsert ? last_of_each(std::move(batch.events)) : std::move(batch.events));
  const postgres::StatementRef statements[] = {{kMoveSql, &move}, {upsert ? kUpsertSql : kInsertSql, &rows}};
  const auto result = connection.run(statements);
  if (result.failed) return make_error(Code::io, "the batch at " + std::to_string(batch.from) + " was not written: " + result.failed->message);
  return {};
}

}  // namespace

Status table_sink(const Words& arguments) {
  if (arguments.size() != 3 || (arguments[1] != "insert" && arguments[1] != "upsert"))
    return make_error(Code::usage, "sink TOPIC insert|upsert RECORDS");
  TRY(const std::int64_t records, number_at(arguments, 2));
  TRY(const auto cluster, kafka::load_cluster({}, test::Clusters::shared().kafka_properties));
  postgres::ConnectionOptions options;
  options.url = std::getenv("DATABASE_URL") ? std::getenv("DATABASE_URL") : "";
  options.search_path = "public";
  options.reads_by_default = false;
  options.synchronous_commit = false;
  options.generic_plans = true;
  TRY(const auto connection, postgres::Connection::open(options));
  // A second's worth: librdkafka 2.0.2 looks again a second later when it has found its queue full.
  TRY(const auto reader, kafka::make_reader(cluster, {.prefetch_records = 1'000'000, .prefetch_kbytes = 131'072}));
  TRY_STATUS(reader->assign({{arguments[0], 0, 0}}));
  Belt belt;
  std::jthread reading([&] {
    while (!belt.closed()) {
      auto batch = read_batch(*reader);
      const bool over = !batch;
      if (over || !batch->events.empty()) belt.put(std::move(batch));
      if (over) return;
    }
  });
  Status status;
  for (std::int64_t next = 0; status && next < records;) {
    auto batch = belt.take();
    if (!batch) {
      status = std::move(batch).error();
      break;
    }
    next = batch->next;
    status = write_batch(*connection, *std::move(batch), arguments[1] == "upsert");
  }
  belt.close();
  return status;
}

}  // namespace dossier::bench::beside
