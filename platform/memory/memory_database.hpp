// A small database in memory for tests and the simulation: named tables of rows, snapshots, atomic commits, and what can
// go wrong with a real one (unavailable, serialization failures, commits of unknown outcome, a crash that forgets the
// last commits), all of it caused by the test. Thread-safe by one mutex; deterministic for one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/rows/rows.hpp"

namespace dossier::memory {

// What befalls an operation.
enum class DatabaseFault : std::uint8_t {
  none,
  unavailable,            // refused: nothing happened (database_unavailable)
  serialization_failure,  // rolled back (contention)
  unknown_committed,      // committed, and the answer was lost (database_unavailable)
  unknown_lost,           // rolled back, and the answer was lost (database_unavailable)
};
// Asked before each operation, named "read", "apply", "save" and so on, outside the lock; to be slow it moves the test's clock.
using DatabaseFaults = std::function<DatabaseFault(std::string_view operation)>;

// A key whose byte order is the order of its parts.
class Key {
 public:
  Key& text(std::string_view value);  // without NUL
  Key& int8(std::int64_t value);
  // The beginning of a text part: for scans.
  Key& beginning(std::string_view value);
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

// Tables whose names begin with this are unlogged: a crash empties them.
inline constexpr char kUnlogged = '~';

class MemoryDatabase : public std::enable_shared_from_this<MemoryDatabase> {
 public:
  // One moment. Stays what it was whatever is committed later; gone after a crash.
  class View {
   public:
    bool alive() const;  // false once the database crashed: treat as database_unavailable
    std::optional<rows::Row> find(std::string_view table, const Key& key) const;
    // Rows whose key begins with `prefix` and is greater than `after` (if any), in order of key, until fn says false.
    void scan(std::string_view table, const Key& prefix, const std::function<bool(const rows::Row&)>& fn, const Key* after = nullptr) const;

   protected:
    friend class MemoryDatabase;
    View(std::shared_ptr<const MemoryDatabase> database, std::uint64_t at, std::uint64_t epoch, bool locked)
        : database_(std::move(database)), at_(at), epoch_(epoch), locked_(locked) {}
    std::shared_ptr<const MemoryDatabase> database_;
    std::uint64_t at_, epoch_;
    bool locked_;  // inside commit(), which holds the mutex
  };
  // A transaction in commit(): reads what it wrote.
  class Edit : public View {
   public:
    void put(std::string_view table, const Key& key, rows::Row row);
    void erase(std::string_view table, const Key& key);

   private:
    friend class MemoryDatabase;
    using View::View;
  };

  // From now on; empty: no faults.
  void set_faults(DatabaseFaults faults);

  Result<View> view(std::string_view operation) const;
  // For assertions: what is there now, asked of nobody's faults.
  View observe() const;
  // Runs `body` alone; its error rolls everything back. A commit that is not durable may be forgotten by a crash until a
  // durable one follows.
  Status commit(std::string_view operation, bool durable, const std::function<Status(Edit&)>& body);
  // Forgets at most `lost` of the last commits that are not durable, and everything unlogged. Views die.
  void crash(std::uint64_t lost);

 private:
  struct Version {
    std::uint64_t at;
    std::optional<rows::Row> row;  // nullopt: erased
  };
  using Table = std::map<std::string, std::vector<Version>, std::less<>>;

  DatabaseFault fault(std::string_view operation) const;
  void truncate(std::uint64_t at);
  void undo(std::uint64_t number);

  mutable std::mutex mutex_;
  DatabaseFaults faults_;
  std::map<std::string, Table, std::less<>> tables_;
  std::vector<std::pair<Table*, Table::iterator>> written_;  // by the commit under way
  std::uint64_t now_ = 0;                                    // number of the last commit
  std::uint64_t durable_ = 0;                                // number of the last one that no crash forgets
  std::uint64_t epoch_ = 0;                                  // crashes so far
};

}  // namespace dossier::memory
