// Digests by SQL, a workspace at a time; workspaces are summed into their partition here.
#include "projections/generation_compare.hpp"

#include "events/names.hpp"
#include "platform/postgres/connection.hpp"
#include "projections/projection.hpp"

namespace dossier::projections {
namespace {

using postgres::Connection;

constexpr std::int64_t kDigestTimeoutMs = 30 * 60 * 1'000;  // a pass over every table

std::string positions_sql(std::int64_t generation) {
  return "SELECT partition, next_offset FROM " + postgres::generation_schema(generation) + ".positions";
}
// Two hashes a row, so that 128 bits would have to collide.
std::string digest_sql(std::int64_t generation, const GenerationTable& table) {
  return "SELECT t." + table.workspace_column + ", count(*), sum(hashtextextended(t::text, 0))::text, sum(hashtextextended(t::text, 1))::text FROM " +
         postgres::generation_schema(generation) + "." + table.name + " t GROUP BY 1";
}

Result<std::unique_ptr<Connection>> open(const std::string& url) {
  postgres::ConnectionOptions options;
  options.url = url;
  options.application_name = "dossier rebuild";
  options.statement_timeout_ms = kDigestTimeoutMs;
  return Connection::open(options);
}

std::map<std::int32_t, std::int64_t> positions_in(const postgres::ResultSet& set) {
  std::map<std::int32_t, std::int64_t> out;
  for (const auto row : set) out[row.int32(0)] = row.int64(1);
  return out;
}

// Tables that the generation has.
Result<std::set<std::string>> present_tables(Connection& connection, std::int64_t generation) {
  TRY(const auto set, connection.query("SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1",
                                       postgres::Params().text(postgres::generation_schema(generation))));
  std::set<std::string> names;
  for (const auto row : set) names.insert(row.str(0));
  return names;
}

using Digests = std::map<std::pair<std::int32_t, std::string>, TableDigest>;  // (partition, table)

void add_rows(Digests& digests, const postgres::ResultSet& set, const std::string& table, std::int32_t partition_count) {
  for (const auto row : set) {
    TableDigest& digest = digests[{events::partition_of(row[0], partition_count), table}];
    digest.rows += row.int64(1);
    digest.digest += events::fnv1a64(row.str(0) + '\0' + row.str(2) + '\0' + row.str(3));
  }
}

}  // namespace

std::vector<GenerationTable> generation_tables() {
  std::vector<GenerationTable> tables = {{"heads", "workspace"}, {"streams", "workspace"}};
  for (const Projection& model : registry())
    for (const rows::Table* table : model.tables) {
      bool has_workspace = false;
      for (const rows::Column& column : table->columns) has_workspace = has_workspace || column.name == "workspace";
      tables.push_back({std::string(table->name), has_workspace ? "workspace" : "id"});
    }
  return tables;
}

Result<std::map<std::int32_t, std::int64_t>> generation_positions(const std::string& url, std::int64_t generation) {
  TRY(const auto connection, open(url));
  TRY(const auto set, connection->query(positions_sql(generation)));
  return positions_in(set);
}

Result<Comparison> compare_generations(const std::string& url, std::int64_t live, std::int64_t next, const std::set<std::int32_t>& partitions,
                                       std::int32_t partition_count) {
  TRY(const auto connection, open(url));
  TRY(const auto in_live, present_tables(*connection, live));
  TRY(const auto in_next, present_tables(*connection, next));

  // One batch is one snapshot: positions and digests belong together.
  std::vector<std::string> texts = {positions_sql(live), positions_sql(next)};
  std::vector<std::pair<bool, std::string>> of;  // (of the live one, table), behind the two
  for (const GenerationTable& table : generation_tables()) {
    for (const bool is_live : {true, false}) {
      if (!(is_live ? in_live : in_next).contains(table.name)) continue;
      texts.push_back(digest_sql(is_live ? live : next, table));
      of.emplace_back(is_live, table.name);
    }
  }
  const postgres::Params none;
  std::vector<postgres::StatementRef> statements;
  statements.reserve(texts.size());
  for (const std::string& text : texts) statements.push_back({text, &none});
  const auto answer = connection->run(statements);
  if (answer.failed) return postgres::to_error(*answer.failed);

  const auto live_at = positions_in(answer.sets[0]);
  const auto next_at = positions_in(answer.sets[1]);
  Digests live_digests, next_digests;
  for (std::size_t i = 0; i < of.size(); ++i) add_rows(of[i].first ? live_digests : next_digests, answer.sets[i + 2], of[i].second, partition_count);

  Comparison out;
  const auto offset_in = [](const auto& positions, std::int32_t partition) {
    const auto it = positions.find(partition);
    return it == positions.end() ? std::int64_t{0} : it->second;
  };
  for (const std::int32_t partition : partitions) {
    if (offset_in(live_at, partition) != offset_in(next_at, partition)) {
      out.moving.insert(partition);
      continue;
    }
    out.compared.insert(partition);
    for (const GenerationTable& table : generation_tables()) {
      const TableDigest a = live_digests[{partition, table.name}];
      const TableDigest b = next_digests[{partition, table.name}];
      out.rows[table.name] += b.rows;
      if (!(a == b)) out.differences.push_back({partition, table.name, a, b});
    }
  }
  return out;
}

}  // namespace dossier::projections
