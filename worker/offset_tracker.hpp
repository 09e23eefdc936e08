// Which offsets of the tasks topic may be committed: those before the first offer whose answer the broker does not have
// yet. An offer that needs no answer is done at once.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace dossier::worker {

struct Commit {
  std::int32_t partition = 0;
  std::int64_t offset = 0;  // the next to read
};

class OffsetTracker {
 public:
  // `sequence`: of the report that answers it, 0 = none.
  void read(std::int32_t partition, std::int64_t offset, std::uint64_t sequence) { partitions_[partition].push_back({offset, sequence}); }
  void acknowledged(std::uint64_t sequence) {
    for (auto& [number, offers] : partitions_)
      for (auto& offer : offers)
        if (offer.sequence == sequence) offer.sequence = 0;
  }
  // Partitions that moved on; what is not owned any more is forgotten.
  std::vector<Commit> take() {
    std::vector<Commit> commits;
    for (auto& [number, offers] : partitions_) {
      std::int64_t next = -1;
      while (!offers.empty() && offers.front().sequence == 0) {
        next = offers.front().offset + 1;
        offers.pop_front();
      }
      if (next >= 0) commits.push_back({number, next});
    }
    return commits;
  }
  void own(const std::vector<std::int32_t>& partitions) {
    std::erase_if(partitions_, [&](const auto& entry) {
      for (const std::int32_t owned : partitions)
        if (owned == entry.first) return false;
      return true;
    });
  }

 private:
  struct Offer {
    std::int64_t offset = 0;
    std::uint64_t sequence = 0;
  };
  std::map<std::int32_t, std::deque<Offer>> partitions_;
};

}  // namespace dossier::worker
