// Takes in dossier.activity: what agents say and do, in signed records of consecutive lines, kept as blocks per (session,
// offer). Kept is what a worker wrote that was ever accepted for that offer; whether it is the present one is not asked,
// so that a rebuild keeps the same lines. Gaps are counted and logged; a record sent twice is kept once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "dossier/v1/worker.pb.h"
#include "events/names.hpp"
#include "platform/topic/topic.hpp"
#include "producers/intake_store.hpp"
#include "producers/state_store.hpp"
#include "producers/worker_directory.hpp"

namespace dossier::producers {

// Live readers. Called on the owner thread once the lines are committed; must be short.
class ActivityListener {
 public:
  virtual ~ActivityListener() = default;
  virtual void appended(const std::string& session_id, std::uint32_t offer, std::uint64_t last_sequence) = 0;
};

struct ActivityMetrics {
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> lines{0};
  std::atomic<std::uint64_t> invalid{0};  // form, signature, or a worker that never held the offer
  std::atomic<std::uint64_t> gaps{0};     // offsets, sequences or links of the chain that are missing
  std::atomic<std::int64_t> lag_us{0};
};

// One owner thread for all but metrics().
class ActivityIntake {
 public:
  struct Options {
    std::size_t max_records = 2'000;
    std::size_t max_bytes = 8u << 20;
    std::size_t max_events = 10'000;  // in a record
    std::size_t max_known_offers = 20'000;
  };
  // True: the folded state of this workspace is as far as the log, so that what it lacks does not exist. Asked only where
  // something would be dropped otherwise, for ever, and once a batch and workspace.
  using UpToDate = std::function<bool(const WorkspaceId&)>;

  ActivityIntake(topic::Reader& reader, StateStore& states, ActivityStore& store, const Clock& clock, events::Topics topics, UpToDate up_to_date,
                 ActivityListener* listener);
  ActivityIntake(topic::Reader& reader, StateStore& states, ActivityStore& store, const Clock& clock, events::Topics topics, UpToDate up_to_date,
                 ActivityListener* listener, Options options);

  Status own(const std::vector<std::int32_t>& partitions);
  // Reads a batch, waiting at most wait_ms for the first record, and writes it: one transaction a partition. position_moved:
  // another process reads that partition now (dropped here). Other errors are transient.
  Status step(std::int64_t wait_ms);
  const ActivityMetrics& metrics() const { return metrics_; }

 private:
  struct Partition {
    IntakePosition saved;
    std::int64_t next_read = 0;
  };
  struct Checked {
    v1::SignedActivity outer;
    v1::ActivityRecord record;
  };
  // An offer that a worker may write under, and where its chain stands.
  struct KnownOffer {
    bool known_chain = false;
    std::uint64_t last_sequence = 0;
    crypto::Hash last_hash{};
  };
  Status read(std::int64_t wait_ms);
  Status write(std::int32_t number, Partition& partition, std::vector<std::size_t> records);
  Result<Checked> check_form(const topic::Record& record) const;
  Status learn_offers(const std::vector<const v1::ActivityRecord*>& records);
  void follow_chain(const v1::ActivityRecord& record, const crypto::Hash& hash);
  static std::string offer_key(const v1::ActivityRecord& record);

  topic::Reader& reader_;
  StateStore& states_;
  ActivityStore& store_;
  const Clock& clock_;
  const events::Topics topics_;
  const UpToDate up_to_date_;
  ActivityListener* const listener_;
  const Options options_;
  ActivityMetrics metrics_;
  WorkerDirectory directory_;
  std::map<std::int32_t, Partition> partitions_;
  std::vector<topic::Record> batch_;  // polled and not written yet
  std::unordered_map<std::string, KnownOffer> offers_;
};

}  // namespace dossier::producers
