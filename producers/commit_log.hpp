// dossier.events as the writers see it: one log id, P partitions, and for each its present history. A commit goes to the
// partition of its workspace, stamped with that partition's history, with CloudEvents headers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "events/names.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::producers {

// Which log this installation writes.
struct LogIdentity {
  std::string log_id;  // UUID in 32 hex digits
  std::int32_t partitions = 0;
};

// The database's memory of the log that it belongs to (dossier.meta). Postgres: producers/postgres_log_identity.cpp.
class LogIdentityStore {
 public:
  virtual ~LogIdentityStore() = default;
  virtual Result<std::optional<LogIdentity>> load() = 0;
  // Keeps the first identity that anyone adopted and returns it: of two processes that start at once, both get the same.
  virtual Result<LogIdentity> adopt(const LogIdentity& identity) = 0;
  // Partitions of which the database has records. One that is empty in the log has lost them, and must not begin anew.
  virtual Result<std::vector<std::int32_t>> journaled() = 0;
};
class MemoryLogIdentityStore final : public LogIdentityStore {
 public:
  Result<std::optional<LogIdentity>> load() override { return identity_; }
  Result<LogIdentity> adopt(const LogIdentity& identity) override {
    if (!identity_) identity_ = identity;
    return *identity_;
  }
  Result<std::vector<std::int32_t>> journaled() override { return journaled_; }
  void set_journaled(std::vector<std::int32_t> partitions) { journaled_ = std::move(partitions); }

 private:
  std::optional<LogIdentity> identity_;
  std::vector<std::int32_t> journaled_;
};

// Reads the first record of every partition, writes the missing Genesis records, and compares with the database.
// log_mismatch: another log id or partition count, or a first record that is no Genesis; the message says what to do.
// `new_log_id` is used where neither side has one. Several processes may do this at once. An empty partition of which the
// database has records stays empty: its projector halts, and `dossier log repair` brings the records back.
Result<LogIdentity> open_log(topic::Reader& reader, topic::Writer& writer, LogIdentityStore& store, const events::Topics& topics,
                             const std::string& new_log_id, const Clock& clock, std::int64_t timeout_ms = 20'000);

// Thread-safe.
class CommitLog {
 public:
  // `history`: the present history of a partition (VerdictBoard::history), asked for every append.
  using History = std::function<std::uint64_t(std::int32_t partition)>;
  CommitLog(topic::Writer& writer, events::Topics topics, LogIdentity identity, History history);

  std::int32_t partition_of(const WorkspaceId& workspace) const;
  const LogIdentity& identity() const { return identity_; }

  // Stamps the history and checks the limits: payload_too_large, and nothing was produced. log_unavailable: the writer
  // is broken, or the partition's history is not known yet. `done` as in topic::Writer::append, called only on success.
  Status append(v1::Commit& commit, topic::Writer::Done done);

 private:
  topic::Writer& writer_;
  const std::string topic_;
  const LogIdentity identity_;
  const History history_;
};

}  // namespace dossier::producers
