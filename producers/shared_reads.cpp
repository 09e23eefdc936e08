// One read for all who wait.
#include "producers/shared_reads.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dossier::producers {

void SharedReads::read(StatesWanted wanted, Done done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(wanted), std::move(done)});
    if (on_their_way_ >= kMostAtOnce) return;
    ++on_their_way_;
  }
  serve();
}

void SharedReads::abandon() {
  std::vector<Asker> forgotten;  // ends behind the lock: what it holds may hold this
  const std::lock_guard lock(mutex_);
  forgotten.swap(waiting_);
}

// The next askers; none: this turn is over.
std::vector<SharedReads::Asker> SharedReads::take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    --on_their_way_;
    return {};
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMostTogether));
  std::vector<Asker> askers(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return askers;
}

// Each further read is another job of the executor's, so that nobody's command serves all others; here where it takes none.
void SharedReads::serve() {
  for (;;) {
    auto askers = take();
    if (askers.empty()) return;
    answer(std::move(askers));
    if (executor_.post([self = shared_from_this()] { self->serve(); })) return;
  }
}

void SharedReads::answer(std::vector<Asker> askers) {
  std::vector<StatesWanted> wanted;
  wanted.reserve(askers.size());
  for (Asker& asker : askers) wanted.push_back(std::move(asker.wanted));
  if (recent_ != nullptr)
    for (StatesWanted& each : wanted) recent_->ask_positions(each);
  const std::int64_t began_us = recent_ != nullptr ? recent_->now_us() : 0;
  auto read = store_.read(wanted);
  for (std::size_t i = 0; i < askers.size(); ++i) {
    if (read && recent_ != nullptr) recent_->learn(wanted[i], (*read)[i], began_us);
    if (read)
      askers[i].done(std::move((*read)[i]));
    else
      askers[i].done(read.error());
  }
}

const StreamState* SharedSnapshot::find(const std::string& stream) const {
  const auto found = std::find(streams_.begin(), streams_.end(), stream);
  return found == streams_.end() ? nullptr : &states_[static_cast<std::size_t>(found - streams_.begin())];
}

Error SharedSnapshot::own() {
  needs_its_own_ = true;
  return make_error(Code::internal, "a shared read does not answer this");
}

Status SharedSnapshot::load(const WorkspaceId& workspace, const std::vector<std::string>& streams) {
  if (workspace.str() != workspace_.str()) return own();
  for (const auto& stream : streams)
    if (find(stream) == nullptr && std::find(missing_.begin(), missing_.end(), stream) == missing_.end()) missing_.push_back(stream);
  if (!missing_.empty()) return make_error(Code::internal, "not read yet");
  return {};
}

Result<StreamState> SharedSnapshot::stream(const WorkspaceId& workspace, const std::string& stream) {
  TRY_STATUS(load(workspace, {stream}));
  return *find(stream);
}

Result<std::optional<WorkspaceId>> SharedSnapshot::workspace_of(const std::string&) { return own(); }
Result<std::uint64_t> SharedSnapshot::seq(const WorkspaceId&) { return own(); }
Result<std::optional<AcceptedCommit>> SharedSnapshot::accepted(const WorkspaceId&, const CommitId&) { return own(); }
Result<std::int64_t> SharedSnapshot::applied_to(std::int32_t) { return own(); }
Result<std::vector<LiveWorker>> SharedSnapshot::live_workers(const WorkspaceId&, std::int64_t) { return own(); }

}  // namespace dossier::producers
