// dossier log info: where the log ends, and how far the database has come.
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"
#include "app/cli/stack.hpp"
#include "platform/postgres/migrate.hpp"
#include "replay/journal_source.hpp"
#include "replay/log_source.hpp"

namespace dossier::cli {

Result<int> log_info(const Invocation& in) {
  TRY(auto reader, open_reader(in));
  const auto topics = topics_of(in);
  TRY(const auto partitions, reader->partition_count(topics.events(), replay::kReadPatienceMs));
  std::string log_id;
  std::unique_ptr<postgres::Pool> database;
  std::optional<postgres::ReadTransaction> snapshot;
  if (has_database(in)) {
    TRY(const auto identity, postgres::log_identity(in.text("--database")));
    if (identity) log_id = identity->log_id;
    TRY(database, open_database(in));
    TRY(auto begun, database->read());
    snapshot.emplace(std::move(begun));
  }
  std::vector<std::vector<std::string>> rows;
  json::Value::Array items;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    TRY(const auto marks, reader->watermarks(topics.events(), partition, replay::kReadPatienceMs));
    json::Value::Object item{{"partition", partition}, {"begin", marks.begin}, {"end", marks.end}};
    std::vector<std::string> row{std::to_string(partition), std::to_string(marks.begin), std::to_string(marks.end), "", ""};
    if (snapshot) {
      TRY(const auto through, replay::projected_through(*snapshot, partition));
      item.emplace_back("projected_through", through);
      item.emplace_back("lag", marks.end - through);
      row[3] = std::to_string(through);
      row[4] = std::to_string(marks.end - through);
    }
    items.emplace_back(std::move(item));
    rows.push_back(std::move(row));
  }
  if (in.json())
    return print_json(json::Value::Object{{"topic", topics.events()},
                                          {"log_id", log_id.empty() ? json::Value() : json::Value(log_id)},
                                          {"generation", snapshot ? json::Value(snapshot->generation()) : json::Value()},
                                          {"partitions", std::move(items)}});
  std::string out = topics.events();
  if (!log_id.empty()) out += ", log " + log_id;
  if (snapshot) out += ", generation " + std::to_string(snapshot->generation()) + " of the read models";
  return print(out + "\n" + table({{"PARTITION", true}, {"BEGIN", true}, {"END", true}, {"PROJECTED", true}, {"LAG", true}}, rows));
}

}  // namespace dossier::cli
