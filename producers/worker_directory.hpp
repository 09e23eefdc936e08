// Who may report: public keys, pools and whether the token behind a worker still counts, from folded state, remembered
// for a few seconds. One owner thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/state.pb.h"
#include "producers/state_store.hpp"

namespace dossier::producers {

struct KnownWorker {
  bool exists = false;
  bool revoked = false;  // its token was revoked
  v1::WorkerState state;
};

class WorkerDirectory {
 public:
  static constexpr std::int64_t kFreshUs = 5'000'000;  // a revocation counts after at most this long
  static constexpr std::size_t kMaxKnown = 20'000;
  using Key = std::pair<WorkspaceId, WorkerId>;

  WorkerDirectory(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Reads what is not known or not fresh, all in one snapshot. upgrade_required: a state of newer code.
  Status refresh(const std::vector<Key>& keys);
  // After refresh(): nullptr: no such worker in this workspace.
  const KnownWorker* find(const WorkspaceId& workspace, const WorkerId& worker) const;
  // Its state is about to change: the next refresh() reads it. Until then it stays known as it was, for what is being taken in.
  void read_again(const WorkspaceId& workspace, const WorkerId& worker);

 private:
  struct Entry {
    KnownWorker worker;
    std::int64_t read_us = 0;
    bool changes = false;
  };
  static std::string text(const WorkspaceId& workspace, const WorkerId& worker) { return workspace.str() + '/' + worker.str(); }

  StateStore& store_;
  const Clock& clock_;
  std::unordered_map<std::string, Entry> known_;
};

}  // namespace dossier::producers
