// What lies beneath: bare produce and consume by librdkafka, COPY and array statements into one table.
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "bench/beside/beside.hpp"
#include "bench/raw_kafka.hpp"
#include "platform/postgres/connection.hpp"
#include "tests/support/clusters.hpp"

namespace dossier::bench::beside {
namespace {

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point then) { return std::chrono::duration<double>(SteadyClock::now() - then).count(); }

constexpr std::int64_t kBatch = 5'000;
constexpr std::size_t kRecordBytes = 300;

Result<Figures> consume(const kafka::Cluster& cluster, const std::string& topic, std::int64_t records) {
  TRY(const auto reader, kafka::make_reader(cluster, {.prefetch_records = 1'000'000, .prefetch_kbytes = 131'072}));
  TRY_STATUS(reader->assign({{topic, 0, 0}}));
  std::int64_t seen = 0, counted_from = 0;
  auto began = SteadyClock::now();
  while (seen < records) {
    TRY(const auto polled, reader->poll({}));
    if (counted_from == 0 && !polled.records.empty()) {  // the first batch waits for the connection
      began = SteadyClock::now();
      counted_from = static_cast<std::int64_t>(polled.records.size());
    }
    seen += static_cast<std::int64_t>(polled.records.size());
  }
  return Figures{{"per_second", static_cast<double>(seen - counted_from) / seconds_since(began)}};
}

Result<std::unique_ptr<postgres::Connection>> connect() {
  postgres::ConnectionOptions options;
  options.url = std::getenv("DATABASE_URL") ? std::getenv("DATABASE_URL") : "";
  options.search_path = "public";
  options.reads_by_default = false;
  options.synchronous_commit = false;
  options.statement_timeout_ms = 300'000;
  return postgres::Connection::open(options);
}

constexpr std::string_view kTableSql = "CREATE TABLE limit_rows (LIKE events_insert INCLUDING ALL)";
constexpr std::string_view kRowSql = R"(
INSERT INTO limit_rows (id, entity, workspace, stream, version, kind, at_us, body)
SELECT * FROM unnest($1::bigint[], $1::bigint[], $2::text[], $2::text[], $1::bigint[], $2::text[], $1::bigint[], $3::text[]))";

// Array statements of 5,000 rows, and then the same rows from a file by COPY on the server.
Result<Figures> tables(std::int64_t amount) {
  TRY(const auto connection, connect());
  TRY([[maybe_unused]] const auto none, connection->query("DROP TABLE IF EXISTS limit_rows"));
  TRY([[maybe_unused]] const auto made, connection->query(kTableSql));
  const std::string body(120, 'b');
  auto began = SteadyClock::now();
  for (std::int64_t from = 0; from < amount; from += kBatch) {
    const std::int64_t count = std::min(kBatch, amount - from);
    postgres::Array id(rows::Type::int8, static_cast<std::size_t>(count)), name(rows::Type::text, static_cast<std::size_t>(count)),
        text(rows::Type::text, static_cast<std::size_t>(count));
    for (std::int64_t n = from; n < from + count; ++n) {
      id.int8(n);
      name.text("comment/cmt_00000000000000000000");
      text.text(body);
    }
    postgres::Params params;
    params.array(std::move(id)).array(std::move(name)).array(std::move(text));
    TRY([[maybe_unused]] const auto written, connection->query(kRowSql, params));
  }
  const double by_arrays = seconds_since(began);
  const std::string file = "'/tmp/dossier-beside-" + std::to_string(::getpid()) + ".bin'";
  TRY([[maybe_unused]] const auto out, connection->query("COPY limit_rows TO " + file + " (FORMAT binary)"));
  TRY([[maybe_unused]] const auto dropped, connection->query("TRUNCATE limit_rows"));
  began = SteadyClock::now();
  TRY([[maybe_unused]] const auto in, connection->query("COPY limit_rows FROM " + file + " (FORMAT binary)"));
  const double by_copy = seconds_since(began);
  TRY([[maybe_unused]] const auto emptied, connection->query("COPY (SELECT 1 WHERE false) TO " + file));
  TRY([[maybe_unused]] const auto gone, connection->query("DROP TABLE limit_rows"));
  return Figures{{"unnest_per_second", static_cast<double>(amount) / by_arrays}, {"copy_per_second", static_cast<double>(amount) / by_copy}};
}

}  // namespace

Status limits(const Words&) {
  TRY(const auto cluster, kafka::load_cluster({}, test::Clusters::shared().kafka_properties));
  TRY(auto synced, RawTopic::make(cluster, true));
  TRY(auto cached, RawTopic::make(cluster, false));
  // produce RECORDS OUTSTANDING | produce_synced RECORDS OUTSTANDING | consume TOPIC RECORDS | tables ROWS
  return answer_lines({}, [&](const Words& words) -> Result<Figures> {
    if (words[0] == "consume" && words.size() == 3) {
      TRY(const std::int64_t records, number_at(words, 2));
      return consume(cluster, words[1], records);
    }
    TRY(const std::int64_t amount, number_at(words, 1));
    if (words[0] == "tables") return tables(amount);
    TRY(const std::int64_t outstanding, number_at(words, 2));
    RawTopic& topic = words[0] == "produce" ? cached : synced;
    TRY(auto produced, topic.produce(kafka::WriterKind::commits, amount, kRecordBytes, static_cast<int>(outstanding)));
    return figures_of(produced.per_second, produced.latencies_ms);
  });
}

}  // namespace dossier::bench::beside
