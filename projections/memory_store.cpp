// The projector's tables as rows of the memory database.
#include "projections/memory_store.hpp"

#include "base/encoding.hpp"
#include "base/mutation.hpp"

namespace dossier::projections {

namespace {

using memory::flag;
using memory::Key;
using memory::MemoryDatabase;
using memory::number;
using memory::text;

// parked: key (read model, workspace, stream, offset, index) → {read_model, workspace, stream, partition, offset, index, error, value}
constexpr std::string_view kParked = "parked";

Key parked_key(const ParkedStream& stream) {
  Key key;
  key.text(stream.read_model).text(stream.workspace).text(stream.stream);
  return key;
}

rows::Row to_row(const Position& p) {
  return rows::Row{p.next_offset,
                   std::string(crypto::view(p.last_hash)),
                   p.log_id,
                   std::int64_t{p.partitions},
                   static_cast<std::int64_t>(p.history),
                   std::int64_t{p.ledger_version},
                   std::int64_t{p.partition}};
}

rows::Row to_row(const JournalRow& r) {
  return rows::Row{static_cast<std::int64_t>(r.verdict),
                   r.workspace,
                   static_cast<std::int64_t>(r.seq),
                   r.time_us,
                   r.commit_id,
                   std::string(crypto::view(r.chain)),
                   r.append_time_us,
                   r.value};
}

// All but the broker's time, which is a witness only.
bool same_record(const rows::Row& a, const rows::Row& b) {
  for (const std::size_t column : {0, 1, 2, 3, 4, 5, 7})
    if (a.at(column) != b.at(column)) return false;
  return true;
}

// What PostgreSQL's types refuse; empty: nothing.
std::string refused(const rows::Table& table, const rows::Row& row) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (std::holds_alternative<std::monostate>(row[i])) {
      if (column.merge == rows::Merge::key) return "null value in key column " + std::string(column.name);
      continue;
    }
    bool fits = false;
    switch (column.type) {
      case rows::Type::text: {
        const auto* value = std::get_if<std::string>(&row[i]);
        fits = value && value->find('\0') == std::string::npos && is_utf8(*value);
        break;
      }
      case rows::Type::bytea: fits = std::holds_alternative<std::string>(row[i]); break;
      case rows::Type::int8: fits = std::holds_alternative<std::int64_t>(row[i]); break;
      case rows::Type::bool_: fits = std::holds_alternative<bool>(row[i]); break;
    }
    if (!fits) return "invalid value for column " + std::string(column.name);
  }
  return {};
}

// Writes one read model's rows; the data error's message, empty: none.
std::string put_rows(MemoryDatabase::Edit& edit, const std::string& name, const rows::TableBatch& batch) {
  const rows::Table& table = batch.table();
  for (const auto& patch : batch.rows()) {
    if (auto message = refused(table, patch); !message.empty()) return message;
    Key key;
    key.text(rows::key_of(table, patch));
    auto present = edit.find(name, key);
    if (present && table.append_only) return "duplicate key in table " + std::string(table.name);
    if (!present) {
      edit.put(name, key, patch);
      continue;
    }
    rows::merge_row(table, *present, patch);
    edit.put(name, key, *std::move(present));
  }
  return {};
}

Status put_journal(MemoryDatabase::Edit& edit, const ProjectionBatch& batch) {
  for (const auto& record : batch.journal) {
    Key key;
    key.int8(record.partition).int8(record.offset);
    rows::Row row = to_row(record);
    if (const auto present = edit.find(memory::kJournal, key)) {
      if (same_record(*present, row)) continue;
      return make_error(Code::corrupt, "the record at offset " + std::to_string(record.offset) + " differs from the journal");
    }
    edit.put(memory::kJournal, key, std::move(row));
    if (record.verdict != events::Verdict::accepted) continue;
    Key commit;
    commit.text(record.workspace).text(record.commit_id).int8(static_cast<std::int64_t>(record.seq));
    edit.put(memory::kJournalCommits, commit, rows::Row{static_cast<std::int64_t>(record.seq), std::int64_t{record.partition}, record.offset});
  }
  return {};
}

void unpark(MemoryDatabase::Edit& edit, const std::string& name, const Unparked& done) {
  std::vector<Key> keys;
  edit.scan(name, parked_key(done.stream), [&](const rows::Row& row) {
    if (std::pair(number(row, 4), number(row, 5)) > std::pair(done.through_offset, std::int64_t{done.through_index})) return false;
    keys.push_back(parked_key(done.stream).int8(number(row, 4)).int8(number(row, 5)));
    return true;
  });
  for (const auto& key : keys) edit.erase(name, key);
}

}  // namespace

Result<std::optional<Position>> MemoryStore::position(std::int32_t partition) {
  TRY(const auto view, database_->view("position"));
  const auto row = view.find(own("positions"), Key().int8(partition));
  if (!row) return std::optional<Position>();
  Position out;
  out.partition = partition;
  out.next_offset = number(*row, 0);
  out.last_hash = crypto::hash_from(text(*row, 1));
  out.log_id = text(*row, 2);
  out.partitions = static_cast<std::int32_t>(number(*row, 3));
  out.history = static_cast<std::uint64_t>(number(*row, 4));
  out.ledger_version = static_cast<std::uint32_t>(number(*row, 5));
  return std::optional<Position>(std::move(out));
}

Status MemoryStore::create_position(const Position& position) {
  return database_->commit("create_position", false, [&](MemoryDatabase::Edit& edit) -> Status {
    const Key key = Key().int8(position.partition);
    if (edit.find(own("positions"), key))
      return make_error(Code::already_exists, "partition " + std::to_string(position.partition) + " has a position");
    edit.put(own("positions"), key, to_row(position));
    return {};
  });
}

Result<Fetched> MemoryStore::fetch(const FetchRequest& request) {
  TRY(const auto view, database_->view("fetch"));
  Fetched out;
  for (const auto& workspace : request.workspaces)
    if (const auto row = view.find(own("heads"), Key().text(workspace)))
      out.heads.emplace_back(workspace,
                             events::WorkspaceHead{static_cast<std::uint64_t>(number(*row, 1)), number(*row, 2), crypto::hash_from(text(*row, 3))});
  for (const auto& key : request.streams)
    if (const auto row = view.find(own("streams"), Key().text(key.stream).text(key.workspace)))
      out.streams.push_back(StreamRow{key.workspace, key.stream, static_cast<std::uint64_t>(number(*row, 2)), text(*row, 3), flag(*row, 4)});
  for (const auto& [workspace, commit] : request.commit_ids) {
    const auto head = view.find(own("heads"), Key().text(workspace));
    if (!head) continue;
    std::int64_t newest = 0;
    view.scan(memory::kJournalCommits, Key().text(workspace).text(commit), [&](const rows::Row& row) {
      const auto seq = number(row, 0);
      if (seq <= number(*head, 1) && seq > number(*head, 1) - static_cast<std::int64_t>(events::kDuplicateWindow)) newest = seq;
      return true;
    });
    if (newest > 0) out.accepted.push_back({workspace, commit, static_cast<std::uint64_t>(newest)});
  }
  return out;
}

Result<Applied> MemoryStore::apply(const ProjectionBatch& batch) {
  Applied applied;
  const Status status = database_->commit("apply", false, [&](MemoryDatabase::Edit& edit) -> Status {
    const Key position = Key().int8(batch.before.partition);
    const auto present = edit.find(own("positions"), position);
    const bool moved = !present || number(*present, 0) != batch.before.next_offset || text(*present, 1) != crypto::view(batch.before.last_hash);
    if (moved && !mutation::on(mutation::Name::drop_position_guard))
      return make_error(Code::position_moved,
                        "the position of partition " + std::to_string(batch.before.partition) + " is not where this writer left it");
    edit.put(own("positions"), position, to_row(batch.after));
    applied.is_live = memory::live_generation(edit) == generation_;
    TRY_STATUS(put_journal(edit, batch));
    for (const auto& [workspace, head] : batch.heads)
      edit.put(own("heads"), Key().text(workspace),
               rows::Row{workspace, static_cast<std::int64_t>(head.seq), head.time_us, std::string(crypto::view(head.chain))});
    for (const auto& row : batch.streams)
      edit.put(own("streams"), Key().text(row.stream).text(row.workspace),
               rows::Row{row.workspace, row.stream, static_cast<std::int64_t>(row.version), row.state, row.needs_newer_code});
    for (const auto& model : batch.models)
      for (const auto& table : model.rows.tables()) {
        auto message = put_rows(edit, own(table.table().name), table);
        if (message.empty()) continue;
        applied.data_error = DataError{std::string(model.read_model), message};
        return make_error(Code::conflict, std::move(message));
      }
    for (const auto& done : batch.unparked) unpark(edit, own(kParked), done);
    for (const auto& row : batch.parked)
      edit.put(own(kParked), parked_key({row.read_model, row.workspace, row.stream}).int8(row.offset).int8(row.event_index),
               rows::Row{row.read_model, row.workspace, row.stream, std::int64_t{row.partition}, row.offset, std::int64_t{row.event_index}, row.error,
                         row.value});
    return {};
  });
  if (!status && !applied.data_error) return status.error();
  return applied;
}

Result<std::vector<ParkedStream>> MemoryStore::parked_streams(std::int32_t partition) {
  TRY(const auto view, database_->view("parked_streams"));
  std::vector<ParkedStream> out;
  view.scan(own(kParked), Key(), [&](const rows::Row& row) {
    if (number(row, 3) != partition) return true;
    const bool same =
        !out.empty() && out.back().read_model == text(row, 0) && out.back().workspace == text(row, 1) && out.back().stream == text(row, 2);
    if (!same) out.push_back(ParkedStream{text(row, 0), text(row, 1), text(row, 2)});
    return true;
  });
  return out;
}

Result<std::vector<ParkedRow>> MemoryStore::parked_rows(std::int32_t partition, const ParkedStream& stream, std::size_t limit) {
  TRY(const auto view, database_->view("parked_rows"));
  std::vector<ParkedRow> out;
  view.scan(own(kParked), parked_key(stream), [&](const rows::Row& row) {
    if (out.size() >= limit) return false;
    if (number(row, 3) == partition)
      out.push_back(ParkedRow{text(row, 0), text(row, 1), text(row, 2), partition, number(row, 4), static_cast<std::int32_t>(number(row, 5)),
                              text(row, 6), text(row, 7)});
    return true;
  });
  return out;
}

Result<std::optional<JournalRow>> MemoryStore::journal_at(std::int32_t partition, std::int64_t offset) {
  TRY(const auto view, database_->view("journal_at"));
  const auto row = view.find(memory::kJournal, Key().int8(partition).int8(offset));
  if (!row) return std::optional<JournalRow>();
  JournalRow out;
  out.partition = partition;
  out.offset = offset;
  out.verdict = static_cast<events::Verdict>(number(*row, 0));
  out.workspace = text(*row, 1);
  out.seq = static_cast<std::uint64_t>(number(*row, 2));
  out.time_us = number(*row, 3);
  out.commit_id = text(*row, 4);
  out.chain = crypto::hash_from(text(*row, 5));
  out.append_time_us = number(*row, 6);
  out.value = text(*row, 7);
  return std::optional<JournalRow>(std::move(out));
}

Result<std::vector<rows::Row>> MemoryStore::table(const rows::Table& table) const {
  TRY(const auto view, database_->view("table"));
  std::vector<rows::Row> out;
  view.scan(own(table.name), Key(), [&](const rows::Row& row) {
    out.push_back(row);
    return true;
  });
  return out;
}

}  // namespace dossier::projections
