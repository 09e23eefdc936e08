// Intake's tables as rows of the memory database.
#include "producers/memory_intake_store.hpp"

#include "platform/memory/ledger_tables.hpp"

namespace dossier::producers {

namespace {

using memory::Key;
using memory::MemoryDatabase;
using memory::number;
using memory::text;

// As memory::kIntakePositions.
constexpr std::string_view kActivityPositions = "activity_positions";
// key (worker, boot) → {worker, boot, sequence}
constexpr std::string_view kAcceptedThrough = "accepted_through";
// key (session, offer, first sequence) → {offer, first, last, lines, workspace, partition, offset, appended_us, sha256, body}
constexpr std::string_view kBlocks = "activity_blocks";

IntakePosition position_in(const MemoryDatabase::View& view, std::string_view table, std::int32_t partition) {
  IntakePosition out;
  out.partition = partition;
  if (const auto row = view.find(table, Key().int8(partition))) {
    out.next_offset = number(*row, 0);
    out.last_hash = crypto::hash_from(text(*row, 1));
    out.last_append_time_us = number(*row, 2);
  }
  return out;
}

Status move_position(MemoryDatabase::Edit& edit, std::string_view table, const IntakePosition& before, const IntakePosition& after) {
  const auto present = position_in(edit, table, before.partition);
  if (present.next_offset != before.next_offset || present.last_hash != before.last_hash)
    return make_error(Code::position_moved, "the position of partition " + std::to_string(before.partition) + " is not where this writer left it");
  edit.put(table, Key().int8(before.partition), rows::Row{after.next_offset, std::string(crypto::view(after.last_hash)), after.last_append_time_us});
  return {};
}

void put_liveness(MemoryDatabase::Edit& edit, const std::vector<LivenessRow>& rows) {
  for (const auto& row : rows) {
    const Key key = Key().text(row.workspace.str()).text(row.worker.str());
    const auto present = edit.find(memory::kLiveness, key);
    if (present && number(*present, 3) > row.last_report_time_us) continue;
    edit.put(memory::kLiveness, key,
             rows::Row{row.workspace.str(), row.worker.str(), row.boot_id, row.last_report_time_us, std::int64_t{row.report_partition},
                       row.heartbeat.SerializeAsString()});
  }
}

std::vector<LivenessRow> liveness_in(const MemoryDatabase::View& view, const Key& prefix) {
  std::vector<LivenessRow> out;
  view.scan(memory::kLiveness, prefix, [&](const rows::Row& row) {
    LivenessRow live;
    live.workspace = WorkspaceId(text(row, 0));
    live.worker = WorkerId(text(row, 1));
    live.boot_id = text(row, 2);
    live.last_report_time_us = number(row, 3);
    live.report_partition = static_cast<std::int32_t>(number(row, 4));
    CHECK(live.heartbeat.ParseFromString(text(row, 5)));
    out.push_back(std::move(live));
    return true;
  });
  return out;
}

ActivityBlock block_from(const std::string& session_id, const rows::Row& row) {
  return ActivityBlock{session_id,
                       static_cast<std::uint32_t>(number(row, 0)),
                       static_cast<std::uint64_t>(number(row, 1)),
                       static_cast<std::uint64_t>(number(row, 2)),
                       static_cast<std::uint64_t>(number(row, 3)),
                       WorkspaceId(text(row, 4)),
                       static_cast<std::int32_t>(number(row, 5)),
                       number(row, 6),
                       number(row, 7),
                       crypto::hash_from(text(row, 8)),
                       text(row, 9)};
}

}  // namespace

Result<IntakePosition> MemoryIntakeStore::position(std::int32_t partition) {
  TRY(const auto view, database_->view("intake_position"));
  return position_in(view, memory::kIntakePositions, partition);
}

Status MemoryIntakeStore::save(const IntakePosition& before, const IntakePosition& after, const std::vector<LivenessRow>& liveness,
                               const std::vector<AcceptedThroughRow>& accepted) {
  return database_->commit("save", true, [&](MemoryDatabase::Edit& edit) -> Status {
    TRY_STATUS(move_position(edit, memory::kIntakePositions, before, after));
    put_liveness(edit, liveness);
    for (const auto& row : accepted) {
      const Key key = Key().text(row.worker.str()).text(row.boot_id);
      const auto present = edit.find(kAcceptedThrough, key);
      if (present && number(*present, 2) >= static_cast<std::int64_t>(row.sequence)) continue;
      edit.put(kAcceptedThrough, key, rows::Row{row.worker.str(), row.boot_id, static_cast<std::int64_t>(row.sequence)});
    }
    return {};
  });
}

Status MemoryIntakeStore::save_liveness(const std::vector<LivenessRow>& liveness) {
  return database_->commit("save_liveness", false, [&](MemoryDatabase::Edit& edit) -> Status {
    put_liveness(edit, liveness);
    return {};
  });
}

Result<std::uint64_t> MemoryIntakeStore::accepted_through(const WorkerId& worker, const std::string& boot_id) {
  TRY(const auto view, database_->view("accepted_through"));
  const auto row = view.find(kAcceptedThrough, Key().text(worker.str()).text(boot_id));
  return row ? static_cast<std::uint64_t>(number(*row, 2)) : std::uint64_t{0};
}

Result<std::vector<AcceptedThroughRow>> MemoryIntakeStore::accepted_through_all() {
  TRY(const auto view, database_->view("accepted_through"));
  std::vector<AcceptedThroughRow> out;
  view.scan(kAcceptedThrough, Key(), [&](const rows::Row& row) {
    out.push_back(AcceptedThroughRow{WorkerId(text(row, 0)), text(row, 1), static_cast<std::uint64_t>(number(row, 2))});
    return true;
  });
  return out;
}

Result<std::vector<LivenessRow>> MemoryIntakeStore::liveness(const WorkspaceId& workspace) {
  TRY(const auto view, database_->view("liveness"));
  return liveness_in(view, Key().text(workspace.str()));
}

Result<std::vector<LivenessRow>> MemoryIntakeStore::liveness_all() {
  TRY(const auto view, database_->view("liveness"));
  return liveness_in(view, Key());
}

Result<std::optional<LivenessRow>> MemoryIntakeStore::liveness_of(const WorkerId& worker) {
  TRY(const auto all, liveness_all());
  for (const auto& row : all)
    if (row.worker == worker) return std::optional<LivenessRow>(row);
  return std::optional<LivenessRow>();
}

Result<IntakePosition> MemoryActivityStore::position(std::int32_t partition) {
  TRY(const auto view, database_->view("activity_position"));
  return position_in(view, kActivityPositions, partition);
}

Status MemoryActivityStore::append(const IntakePosition& before, const IntakePosition& after, const std::vector<ActivityBlock>& blocks) {
  return database_->commit("append", true, [&](MemoryDatabase::Edit& edit) -> Status {
    TRY_STATUS(move_position(edit, kActivityPositions, before, after));
    for (const auto& b : blocks) {
      const Key key = Key().text(b.session_id).int8(b.offer).int8(static_cast<std::int64_t>(b.first_sequence));
      if (edit.find(kBlocks, key)) continue;
      edit.put(kBlocks, key,
               rows::Row{std::int64_t{b.offer}, static_cast<std::int64_t>(b.first_sequence), static_cast<std::int64_t>(b.last_sequence),
                         static_cast<std::int64_t>(b.lines), b.workspace.str(), std::int64_t{b.partition}, b.offset, b.appended_us,
                         std::string(crypto::view(b.sha256)), b.body});
    }
    return {};
  });
}

Result<std::vector<ActivityBlock>> MemoryActivityStore::read(const std::string& session_id, const ActivityCursor& after, std::size_t max_blocks,
                                                             std::size_t max_bytes) {
  TRY(const auto view, database_->view("activity"));
  std::vector<ActivityBlock> out;
  std::size_t bytes = 0;
  view.scan(kBlocks, Key().text(session_id), [&](const rows::Row& row) {
    auto block = block_from(session_id, row);
    if (block.offer < after.offer || (block.offer == after.offer && block.last_sequence <= after.sequence)) return true;
    if (out.size() >= max_blocks || (!out.empty() && bytes >= max_bytes)) return false;
    bytes += block.body.size();
    out.push_back(std::move(block));
    return true;
  });
  return out;
}

Result<std::vector<ActivityExtent>> MemoryActivityStore::extents(const std::string& session_id) {
  TRY(const auto view, database_->view("activity"));
  std::vector<ActivityExtent> out;
  view.scan(kBlocks, Key().text(session_id), [&](const rows::Row& row) {
    const auto block = block_from(session_id, row);
    if (out.empty() || out.back().offer != block.offer) out.push_back(ActivityExtent{block.offer, block.first_sequence, 0, 0, 0, {}});
    auto& extent = out.back();
    extent.lines += block.lines;
    extent.blocks += 1;
    if (block.last_sequence >= extent.last_sequence) {
      extent.last_sequence = block.last_sequence;
      extent.last_sha256 = block.sha256;
    }
    return true;
  });
  return out;
}

}  // namespace dossier::producers
