// Reading the journal as api/events.cpp does in SQL.
#include "tests/simulation/sim_follower.hpp"

#include <algorithm>
#include <vector>

#include "platform/memory/ledger_tables.hpp"

namespace dossier::simulation {
namespace {

constexpr std::int64_t kFollowUs = 1'000'000;

struct Row {
  std::int64_t seq = 0;
  std::int64_t partition = 0;
  std::int64_t offset = 0;
};

std::vector<Row> commits_behind(const memory::MemoryDatabase::View& view, const WorkspaceId& workspace, std::uint64_t behind, std::uint64_t up_to) {
  std::vector<Row> rows;
  view.scan(memory::kJournalCommits, memory::Key().text(workspace.str()), [&](const rows::Row& row) {
    const Row one{memory::number(row, 0), memory::number(row, 1), memory::number(row, 2)};
    if (one.seq > static_cast<std::int64_t>(behind) && one.seq <= static_cast<std::int64_t>(up_to)) rows.push_back(one);
    return true;
  });
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.seq < b.seq; });
  return rows;
}

std::optional<rows::Row> record_of(const memory::MemoryDatabase::View& view, const Row& row) {
  return view.find(memory::kJournal, memory::Key().int8(row.partition).int8(row.offset));
}

}  // namespace

void SimFollower::lost(const SimServer& server) {
  if (server_ != &server) return;
  server_ = nullptr;
  cursor_.reset();
  due_us_ = clock_.boot_us() + between(random_, 1'000, 500'000);
}

std::string SimFollower::step(const SimServer& server, const LogModel& model) {
  due_us_ = clock_.boot_us() + kFollowUs;
  const auto view = database_->view("events");
  if (!view) return {};  // the stream stays, and goes on where it is
  const auto head = view->find(memory::in_generation(memory::live_generation(*view), "heads"), memory::Key().text(workspace_.str()));
  const std::uint64_t visible = head ? static_cast<std::uint64_t>(memory::number(*head, 1)) : 0;
  if (!cursor_) {
    server_ = &server;
    if (const Status connected = connect(*view, visible); !connected)
      return "a follower could not resume at " + last_id_ + ": " + connected.error().message;
  }
  return pull(*view, visible, model);
}

Status SimFollower::connect(const memory::MemoryDatabase::View& view, std::uint64_t visible) {
  TRY(const api::CommitPlace place, api::parse_commit_place(last_id_));
  std::optional<std::string> record;
  if (api::must_exist(place, visible)) {
    const auto rows = commits_behind(view, workspace_, place.seq - 1, place.seq);
    const auto row = rows.empty() ? std::nullopt : record_of(view, rows.front());
    if (!row) return make_error(Code::corrupt, "the journal has no commit " + std::to_string(place.seq));
    record = memory::text(*row, 7);
  }
  TRY(const std::uint64_t start, api::start_at(place, record ? std::optional<std::string_view>(*record) : std::nullopt));
  cursor_.emplace(start);
  return {};
}

std::string SimFollower::pull(const memory::MemoryDatabase::View& view, std::uint64_t visible, const LogModel& model) {
  for (const Row& row : commits_behind(view, workspace_, cursor_->seq(), visible)) {
    const auto record = record_of(view, row);
    if (!record) return "a follower found no journal row of seq " + std::to_string(row.seq);
    const auto message = cursor_->message(memory::text(*record, 7), static_cast<std::uint64_t>(row.seq), memory::number(*record, 3));
    if (!message) return "a follower behind " + last_id_ + " was told: " + message.error().message;
    const std::size_t end = message->find('\n');
    last_id_ = message->substr(4, end - 4);  // "id: "
    const std::uint64_t seq = std::stoull(last_id_.substr(last_id_.find('-') + 1));
    if (seq != seen_ + 1) return "a follower that had seen " + std::to_string(seen_) + " was sent " + std::to_string(seq);
    seen_ = seq;
    v1::Record envelope;
    const bool is_whole = envelope.ParseFromString(memory::text(*record, 7));
    const std::string& commit = envelope.commit().commit_id();
    if (!is_whole || message->find('"' + commit + '"') == std::string::npos)
      return "a follower's message of seq " + std::to_string(seq) + " is not of the journal's record";
    if (!model.had_at(workspace_.str(), seq, commit)) return "a follower was sent another commit than the log has at seq " + std::to_string(seq);
  }
  return {};
}

}  // namespace dossier::simulation
