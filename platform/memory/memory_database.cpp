// Versions per row: a commit adds one, a snapshot reads the newest that is not after it, a crash drops the newest.
#include "platform/memory/memory_database.hpp"

#include <algorithm>
#include <iterator>

#include "base/check.hpp"

namespace dossier::memory {

Key& Key::text(std::string_view value) {
  bytes_.append(value);
  bytes_.push_back('\0');
  return *this;
}

Key& Key::beginning(std::string_view value) {
  bytes_.append(value);
  return *this;
}

Key& Key::int8(std::int64_t value) {
  const std::uint64_t shifted = static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63);  // negative before positive
  for (int byte = 7; byte >= 0; --byte) bytes_.push_back(static_cast<char>(shifted >> (8 * byte)));
  return *this;
}

namespace {

Error unavailable() {
  Error error = make_error(Code::database_unavailable, "the database can't be reached");
  error.retry_after_ms = 1'000;
  return error;
}

template <class Versions>
const rows::Row* newest(const Versions& versions, std::uint64_t at) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it)
    if (it->at <= at) return it->row ? &*it->row : nullptr;
  return nullptr;
}

}  // namespace

bool MemoryDatabase::View::alive() const {
  if (locked_) return true;
  const std::lock_guard lock(database_->mutex_);
  return database_->epoch_ == epoch_;
}

std::optional<rows::Row> MemoryDatabase::View::find(std::string_view table, const Key& key) const {
  std::unique_lock lock(database_->mutex_, std::defer_lock);
  if (!locked_) lock.lock();
  const auto rows = database_->tables_.find(table);
  if (rows == database_->tables_.end()) return std::nullopt;
  const auto it = rows->second.find(key.str());
  if (it == rows->second.end()) return std::nullopt;
  const auto* row = newest(it->second, at_);
  return row ? std::optional<rows::Row>(*row) : std::nullopt;
}

void MemoryDatabase::View::scan(std::string_view table, const Key& prefix, const std::function<bool(const rows::Row&)>& fn, const Key* after) const {
  std::unique_lock lock(database_->mutex_, std::defer_lock);
  if (!locked_) lock.lock();
  const auto rows = database_->tables_.find(table);
  if (rows == database_->tables_.end()) return;
  auto it = after ? rows->second.upper_bound(after->str()) : rows->second.lower_bound(prefix.str());
  for (; it != rows->second.end() && std::string_view(it->first).starts_with(prefix.str()); ++it)
    if (const auto* row = newest(it->second, at_); row && !fn(*row)) return;
}

void MemoryDatabase::Edit::put(std::string_view table, const Key& key, rows::Row row) {
  auto& database = const_cast<MemoryDatabase&>(*database_);  // commit() made this Edit, and holds the lock
  auto rows = database.tables_.find(table);
  if (rows == database.tables_.end()) rows = database.tables_.emplace(std::string(table), Table()).first;
  const auto it = rows->second.try_emplace(key.str()).first;
  auto& versions = it->second;
  if (!versions.empty() && versions.back().at == at_) {
    versions.back().row = std::move(row);
    return;
  }
  versions.push_back(Version{at_, std::move(row)});
  database.written_.emplace_back(&rows->second, it);
}

void MemoryDatabase::Edit::erase(std::string_view table, const Key& key) {
  auto& database = const_cast<MemoryDatabase&>(*database_);
  const auto rows = database.tables_.find(table);
  if (rows == database.tables_.end()) return;
  const auto it = rows->second.find(key.str());
  if (it == rows->second.end()) return;
  if (it->second.back().at == at_) {
    it->second.back().row.reset();
    return;
  }
  it->second.push_back(Version{at_, std::nullopt});
  database.written_.emplace_back(&rows->second, it);
}

void MemoryDatabase::set_faults(DatabaseFaults faults) {
  const std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

DatabaseFault MemoryDatabase::fault(std::string_view operation) const {
  DatabaseFaults faults;
  {
    const std::lock_guard lock(mutex_);
    faults = faults_;
  }
  return faults ? faults(operation) : DatabaseFault::none;
}

Result<MemoryDatabase::View> MemoryDatabase::view(std::string_view operation) const {
  switch (fault(operation)) {
    case DatabaseFault::none: break;
    case DatabaseFault::unavailable:
    case DatabaseFault::unknown_committed:
    case DatabaseFault::unknown_lost: return unavailable();
    case DatabaseFault::serialization_failure: return make_error(Code::contention, "could not serialize access");
  }
  const std::lock_guard lock(mutex_);
  return View(shared_from_this(), now_, epoch_, false);
}

MemoryDatabase::View MemoryDatabase::observe() const {
  const std::lock_guard lock(mutex_);
  return View(shared_from_this(), now_, epoch_, false);
}

Status MemoryDatabase::commit(std::string_view operation, bool durable, const std::function<Status(Edit&)>& body) {
  const DatabaseFault fault = this->fault(operation);
  if (fault == DatabaseFault::unavailable) return unavailable();
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = now_ + 1;
  Edit edit(shared_from_this(), number, epoch_, true);
  written_.clear();
  Status status = body(edit);
  if (!status || fault == DatabaseFault::serialization_failure || fault == DatabaseFault::unknown_lost) {
    undo(number);
    if (!status) return status;
    if (fault == DatabaseFault::unknown_lost) return unavailable();
    return make_error(Code::contention, "could not serialize access");
  }
  now_ = number;
  if (durable) durable_ = number;
  if (fault == DatabaseFault::unknown_committed) return unavailable();
  return {};
}

void MemoryDatabase::undo(std::uint64_t number) {
  for (auto& [table, it] : written_) {
    CHECK(it->second.back().at == number);
    it->second.pop_back();
    if (it->second.empty()) table->erase(it);
  }
  written_.clear();
}

void MemoryDatabase::crash(std::uint64_t lost) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t keep = now_ - std::min(lost, now_ - durable_);
  for (auto it = tables_.begin(); it != tables_.end();) it = it->first.front() == kUnlogged ? tables_.erase(it) : std::next(it);
  truncate(keep);
  now_ = keep;
  durable_ = keep;
  ++epoch_;
}

void MemoryDatabase::truncate(std::uint64_t at) {
  for (auto& [name, table] : tables_) {
    for (auto it = table.begin(); it != table.end();) {
      auto& versions = it->second;
      while (!versions.empty() && versions.back().at > at) versions.pop_back();
      it = versions.empty() ? table.erase(it) : std::next(it);
    }
  }
}

}  // namespace dossier::memory
