// Kept by partition: each has its lock, so that a projector's batch and the commands of other partitions don't meet.
#include "producers/recent_states.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "events/names.hpp"

namespace dossier::producers {
namespace {

constexpr std::size_t kEntryBytes = 128;  // of one entry beside its name and state

std::string key_of(const std::string& workspace, const std::string& stream) {
  std::string key;
  key.reserve(workspace.size() + 1 + stream.size());
  return key.append(workspace).append(1, '\n').append(stream);
}

}  // namespace

// By name, in two halves: what is used comes into the young one; when that is full the old one goes and it takes its place.
class RecentStates::States {
 public:
  explicit States(std::size_t bytes) : bytes_(bytes) {}

  const StreamState* use(const std::string& key) {
    if (const auto it = young_.find(key); it != young_.end()) return &it->second;
    auto node = old_.extract(key);
    if (node.empty()) return nullptr;
    used_ += bytes_of(node.key(), node.mapped());
    const auto at = young_.insert(std::move(node)).position;
    return &at->second;  // the young half is made room in when something is put there, so that what was used together stays
  }

  void put(std::string key, StreamState state, bool only_known) {
    if (use(key) == nullptr && only_known) return;
    const auto [it, fresh] = young_.try_emplace(std::move(key));
    if (!fresh) used_ -= bytes_of(it->first, it->second);
    it->second = std::move(state);
    used_ += bytes_of(it->first, it->second);
    if (used_ <= bytes_ / 2) return;
    old_ = std::move(young_);
    young_.clear();
    used_ = 0;
  }

  void clear() {
    young_.clear();
    old_.clear();
    used_ = 0;
  }

 private:
  static std::size_t bytes_of(const std::string& key, const StreamState& state) { return key.size() + state.state.size() + kEntryBytes; }

  const std::size_t bytes_;
  std::size_t used_ = 0;  // of the young half
  std::unordered_map<std::string, StreamState> young_;
  std::unordered_map<std::string, StreamState> old_;
};

struct RecentStates::Partition {
  explicit Partition(std::size_t bytes) : states(bytes) {}

  void clear() {
    next_offset = -1;
    confirmed_us = 0;
    states.clear();
    heads.clear();
    moving.clear();
  }

  std::mutex mutex;
  std::int64_t next_offset = -1;  // -1: not projected here
  std::int64_t confirmed_us = 0;  // boot time at which the database stood there too
  States states;
  struct ReadHead {
    Head head;
    std::int64_t read_us;  // boot time before the read
  };
  std::unordered_map<std::string, ReadHead> heads;  // by workspace, of those that were asked for
  std::unordered_set<std::string> moving;           // workspaces that a transaction on its way moves
};

namespace {

template <class Partition>
std::vector<std::unique_ptr<Partition>> make_partitions(std::int32_t count, std::size_t bytes) {
  std::vector<std::unique_ptr<Partition>> partitions;
  partitions.reserve(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) partitions.push_back(std::make_unique<Partition>(bytes / static_cast<std::size_t>(count)));
  return partitions;
}

}  // namespace

RecentStates::RecentStates(std::int32_t partitions, const Clock& clock) : RecentStates(partitions, clock, Options{}) {}
RecentStates::RecentStates(std::int32_t partitions, const Clock& clock, Options options)
    : clock_(clock), options_(options), partitions_(make_partitions<Partition>(partitions, options.bytes)) {}
RecentStates::~RecentStates() = default;

std::int32_t RecentStates::partition_of(const WorkspaceId& workspace) const {
  return events::partition_of(workspace.str(), static_cast<std::int32_t>(partitions_.size()));
}

bool RecentStates::is_trusted(const Partition& partition) const {
  return partition.next_offset >= 0 && clock_.boot_us() - partition.confirmed_us <= options_.trusted_us;
}

void RecentStates::stands_at(std::int32_t partition, std::int64_t next_offset) {
  Partition& p = at(partition);
  const std::lock_guard lock(p.mutex);
  p.clear();
  p.next_offset = next_offset;
}

void RecentStates::forget(std::int32_t partition) {
  Partition& p = at(partition);
  const std::lock_guard lock(p.mutex);
  p.clear();
}

void RecentStates::applying(std::int32_t partition, std::span<const events::HeadOfWorkspace> heads) {
  Partition& p = at(partition);
  const std::lock_guard lock(p.mutex);
  p.moving.clear();
  for (const auto& [workspace, head] : heads) {
    p.moving.insert(workspace);
    p.heads.erase(workspace);
  }
}

void RecentStates::applied(const events::AppliedBatch& batch) {
  Partition& p = at(batch.partition);
  const std::lock_guard lock(p.mutex);
  const std::int64_t first = batch.next_offset - static_cast<std::int64_t>(batch.records.size());
  if (p.next_offset < 0) return;  // the last word of a projector that was told to go
  if (p.next_offset != first) p.clear();
  p.next_offset = batch.next_offset;
  p.confirmed_us = batch.began_us;
  const bool only_known = batch.records.size() >= options_.backlog_records;
  for (const auto& row : batch.streams) p.states.put(key_of(row.workspace, row.stream), {row.version, row.state, row.needs_newer_code}, only_known);
  for (const auto& [workspace, head] : batch.heads) p.heads.erase(workspace);  // read anew, with the generation that is live then
  p.moving.clear();
}

void RecentStates::confirmed(std::int32_t partition, std::int64_t at_us) {
  Partition& p = at(partition);
  const std::lock_guard lock(p.mutex);
  p.confirmed_us = std::max(p.confirmed_us, at_us);
}

std::optional<StatesRead> RecentStates::find(const StatesWanted& wanted) {
  const auto found = [&]() -> std::optional<StatesRead> {
    StatesRead out;
    {
      Partition& p = at(partition_of(wanted.workspace));
      const std::lock_guard lock(p.mutex);
      if (!is_trusted(p)) return std::nullopt;
      out.states.reserve(wanted.streams.size());
      for (const std::string& stream : wanted.streams) {
        const StreamState* state = p.states.use(key_of(wanted.workspace.str(), stream));
        if (state == nullptr) return std::nullopt;
        out.states.push_back(*state);
      }
    }
    if (!wanted.head_of) return out;
    Partition& p = at(partition_of(*wanted.head_of));
    const std::lock_guard lock(p.mutex);
    const auto head = p.heads.find(wanted.head_of->str());
    const std::int64_t now = clock_.boot_us();
    if (p.next_offset < 0 || head == p.heads.end() || now - head->second.read_us > options_.trusted_us || now >= owned_until_us_.load())
      return std::nullopt;
    out.head = head->second.head;
    return out;
  }();
  (found ? metrics_.found : metrics_.not_found).fetch_add(1, std::memory_order_relaxed);
  return found;
}

void RecentStates::ask_positions(StatesWanted& wanted) const {
  wanted.positions_of = {partition_of(wanted.workspace)};
  if (wanted.head_of) wanted.positions_of.push_back(partition_of(*wanted.head_of));
}

void RecentStates::learn(const StatesWanted& wanted, const StatesRead& read, std::int64_t began_us) {
  if (wanted.positions_of.empty() || read.positions.size() != wanted.positions_of.size()) return;
  const auto confirm = [&](Partition& p, std::int64_t position) {
    if (p.next_offset != position) return false;
    p.confirmed_us = std::max(p.confirmed_us, began_us);
    return true;
  };
  {
    Partition& p = at(wanted.positions_of.front());
    const std::lock_guard lock(p.mutex);
    if (confirm(p, read.positions.front()))
      for (std::size_t i = 0; i < wanted.streams.size(); ++i) p.states.put(key_of(wanted.workspace.str(), wanted.streams[i]), read.states[i], false);
  }
  if (!wanted.head_of) return;
  Partition& p = at(wanted.positions_of.back());
  const std::lock_guard lock(p.mutex);
  if (!confirm(p, read.positions.back()) || p.moving.contains(wanted.head_of->str())) return;
  p.heads[wanted.head_of->str()] = {read.head, began_us};
}

}  // namespace dossier::producers
