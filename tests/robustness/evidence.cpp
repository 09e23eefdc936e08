// Reading the log and holding everything against it.
#include "tests/robustness/evidence.hpp"

#include <stdexcept>

#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"
#include "platform/postgres/connection.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/must.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kReadDeadlineMs = 60'000;
constexpr std::int64_t kQuestionMs = 10'000;

std::string check_journal(postgres::Connection& connection, std::int32_t partition, const std::vector<std::string>& records, LogJudge& judge) {
  const auto rows =
      must(connection.query("SELECT \"offset\", value, verdict::bigint, seq, chain FROM dossier.journal WHERE partition = $1 ORDER BY \"offset\"",
                            postgres::Params().int8(partition)));
  const std::string where = "partition " + std::to_string(partition);
  if (static_cast<std::size_t>(rows.size()) != records.size())
    return where + " has " + std::to_string(records.size()) + " records, and the journal " + std::to_string(rows.size());
  for (int at = 0; at < rows.size(); ++at) {
    const std::string& value = records[static_cast<std::size_t>(at)];
    const auto judgement = judge.take(partition, value);
    if (!judgement) return where + " can't be judged: " + judgement.error().message;
    const auto row = rows[at];
    const bool same =
        row.int64(0) == at && row.bytes(1) == value && row.int64(2) == static_cast<std::int64_t>(judgement->verdict) &&
        (judgement->verdict != events::Verdict::accepted || (row.uint64(3) == judgement->seq && row.bytes(4) == crypto::view(judgement->chain)));
    if (!same) return "the journal differs from the log at " + where + " offset " + std::to_string(at);
  }
  return {};
}

}  // namespace

bool all_tasks_end(Installation& at, std::int64_t deadline_ms, std::string& open) {
  return eventually(deadline_ms, [&] {
    open.clear();
    for (const std::string status : {"queued", "offered", "claimed", "running"}) {
      const Reply reply = at.api().get(at.in_workspace("/tasks?limit=50&status=" + status));
      if (reply.status != 200) open += "no answer; ";
      for (const auto& task : reply.items())
        open += task.text("id") + " is " + status + " under offer " + std::to_string(task.integer_or("offer", 0)) + "; ";
    }
    return open.empty();
  });
}

std::vector<std::vector<std::string>> read_events(Installation& at) {
  const auto cluster = must(kafka::load_cluster("", at.clusters().server_kafka_properties));
  const auto reader = must(kafka::make_reader(cluster));
  const std::string topic = events::Topics{at.prefix()}.events();
  const auto partitions = must(reader->partition_count(topic, kQuestionMs));
  std::vector<std::vector<std::string>> records(static_cast<std::size_t>(partitions));
  std::vector<std::int64_t> ends;
  std::vector<topic::Position> from;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    ends.push_back(must(reader->watermarks(topic, partition, kQuestionMs)).end);
    from.push_back({topic, partition, 0});
  }
  if (const auto assigned = reader->assign(from); !assigned) throw std::runtime_error(assigned.error().message);
  const bool all = eventually(kReadDeadlineMs, [&] {
    if (const auto polled = reader->poll({}); polled)
      for (const auto& record : polled->records) records[static_cast<std::size_t>(record.partition)].push_back(record.value);
    for (std::size_t partition = 0; partition < records.size(); ++partition)
      if (static_cast<std::int64_t>(records[partition].size()) < ends[partition]) return false;
    return true;
  });
  if (!all) throw std::runtime_error("the log could not be read to its end");
  return records;
}

std::string check_evidence(Installation& at, const std::vector<AskedCommand>& commands, LogJudge& judge) {
  const auto records = read_events(at);
  const auto connection = must(postgres::Connection::open({.url = at.database_url(), .reads_by_default = false}));
  for (std::size_t partition = 0; partition < records.size(); ++partition)
    if (auto fault = check_journal(*connection, static_cast<std::int32_t>(partition), records[partition], judge); !fault.empty()) return fault;
  if (!judge.fault().empty()) return judge.fault();
  if (auto fault = judge.check(commands); !fault.empty()) return fault;
  const auto verified = at.dossier({"verify", "--workspace", at.workspace()});
  if (verified.exit_code != 0) return "dossier verify: exit code " + std::to_string(verified.exit_code) + "\n" + verified.out + verified.err;
  const auto rebuilt = at.dossier({"admin", "rebuild"});
  if (rebuilt.exit_code != 0) return "dossier admin rebuild: exit code " + std::to_string(rebuilt.exit_code) + "\n" + rebuilt.out + rebuilt.err;
  return {};
}

}  // namespace dossier::test
