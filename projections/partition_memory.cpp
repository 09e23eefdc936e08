// Looking up, folding, evicting.
#include "projections/partition_memory.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "events/names.hpp"

namespace dossier::projections {
namespace {

// Names of another form make the record void before anything is looked up; they must not reach the store either.
bool is_well_formed(const events::Needs& needs) {
  return WorkspaceIdTag::valid(needs.workspace) && is_id(needs.commit_id, CommitId::prefix()) &&
         std::all_of(needs.streams.begin(), needs.streams.end(), [](const std::string& name) { return events::is_stream(name); });
}

}  // namespace

void PartitionMemory::reset(bool log_start) {
  touched_.clear();
  used_.clear();
  book_.clear();
  workspaces_.clear();
  seen_.clear();
  stream_count_ = 0;
  state_bytes_ = 0;
  all_known_ = log_start;
}

void PartitionMemory::want(const events::Needs& needs, FetchRequest& request) {
  if (!is_well_formed(needs)) return;
  const auto [it, fresh] = workspaces_.try_emplace(needs.workspace);
  Workspace& workspace = it->second;
  if (fresh) {
    if (all_known_)
      workspace.complete = true;
    else
      request.workspaces.push_back(needs.workspace);
  }
  if (workspace.last_used != batch_) used_.push_back(it->first);
  workspace.last_used = batch_;
  for (const std::string& name : needs.streams) {
    const auto [stream, unknown] = workspace.streams.try_emplace(name);
    stream->second.last_used = batch_;
    if (!unknown) continue;
    ++stream_count_;
    if (!workspace.complete || seen_.perhaps(needs.workspace, name)) request.streams.push_back({needs.workspace, name});
  }
  if (!workspace.complete || seen_.perhaps(needs.workspace, needs.commit_id)) request.commit_ids.emplace_back(needs.workspace, needs.commit_id);
}

void PartitionMemory::learn(const FetchRequest& request, Fetched fetched) {
  for (const auto& [id, head] : fetched.heads) book_.workspace(id).head = head;
  for (const std::string& id : request.workspaces) {
    Workspace& workspace = workspaces_[id];
    workspace.complete = book_.workspace(id).head.seq == 0;
  }
  for (StreamRow& row : fetched.streams) {
    Stream& stream = workspaces_[row.workspace].streams[row.stream];
    stream.version = row.version;
    stream.needs_newer_code = row.needs_newer_code;
    state_bytes_ += row.state.size();
    stream.state = std::move(row.state);
    book_.workspace(row.workspace).versions[row.stream] = row.version;
  }
  // A rebuild judges records whose ids the journal holds already: only what this generation accepted counts.
  for (const auto& accepted : fetched.accepted) {
    auto& workspace = book_.workspace(accepted.workspace);
    if (accepted.seq <= workspace.head.seq) workspace.accepted[accepted.commit_id] = accepted.seq;
  }
}

void PartitionMemory::note_name(const Workspace& workspace, const std::string& id, std::string_view name) {
  if (workspace.complete) seen_.add(id, name);
}

void PartitionMemory::evolve(const std::string& workspace_id, const std::string& name, const v1::EventPayload* payload,
                             const events::FoldContext& context) {
  const auto workspace = workspaces_.find(workspace_id);
  CHECK(workspace != workspaces_.end());
  const auto it = workspace->second.streams.find(name);
  CHECK(it != workspace->second.streams.end());
  Stream& stream = it->second;
  if (!stream.open) {
    if (stream.version == 0) note_name(workspace->second, workspace->first, name);
    stream.open.emplace(name, stream.state, stream.needs_newer_code);
    touched_.push_back({&workspace->first, &it->first, &stream});
  }
  stream.version = context.version;
  if (payload != nullptr)
    stream.open->evolve(*payload, context);
  else
    stream.open->mark_unknown();
}

void PartitionMemory::note_commit(const std::string& workspace_id, const std::string& commit_id) {
  Workspace& workspace = workspaces_[workspace_id];
  workspace.moved = true;
  note_name(workspace, workspace_id, commit_id);
}

std::vector<StreamRow> PartitionMemory::take_streams() {
  std::vector<StreamRow> rows;
  rows.reserve(touched_.size());
  for (const Touched& touched : touched_) {
    Stream& stream = *touched.stream;
    state_bytes_ -= stream.state.size();
    stream.state = stream.open->state();
    state_bytes_ += stream.state.size();
    stream.needs_newer_code = stream.open->needs_newer_code();
    stream.open.reset();
    rows.push_back({*touched.workspace, *touched.name, stream.version, stream.state, stream.needs_newer_code});
  }
  touched_.clear();
  return rows;
}

std::vector<std::pair<std::string, events::WorkspaceHead>> PartitionMemory::take_heads() {
  std::vector<std::pair<std::string, events::WorkspaceHead>> rows;
  for (const std::string& id : used_) {
    Workspace& workspace = workspaces_[id];
    if (!workspace.moved) continue;
    workspace.moved = false;
    rows.emplace_back(id, book_.workspace(id).head);
  }
  return rows;
}

void PartitionMemory::settle() {
  for (const std::string& id : used_) book_.workspace(id).accepted.clear();
  used_.clear();
  ++batch_;
  if (stream_count_ > limits_.streams || state_bytes_ > limits_.state_bytes) evict();
}

// Drops the less recently used half, so that the cost of a sweep spreads over as many batches as it takes to fill again.
void PartitionMemory::evict() {
  std::vector<std::uint64_t> uses;
  uses.reserve(stream_count_);
  for (const auto& [id, workspace] : workspaces_)
    for (const auto& [name, stream] : workspace.streams) uses.push_back(stream.last_used);
  const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 2);
  std::nth_element(uses.begin(), middle, uses.end());
  const std::uint64_t oldest_kept = *middle + 1;  // at least half goes, all of it if one batch filled the memory
  for (auto it = workspaces_.begin(); it != workspaces_.end();) {
    auto& versions = book_.workspace(it->first).versions;
    for (auto stream = it->second.streams.begin(); stream != it->second.streams.end();) {
      if (stream->second.last_used >= oldest_kept) {
        ++stream;
        continue;
      }
      versions.erase(stream->first);
      state_bytes_ -= stream->second.state.size();
      --stream_count_;
      stream = it->second.streams.erase(stream);
    }
    if (!it->second.streams.empty() || workspaces_.size() <= limits_.workspaces) {
      ++it;
      continue;
    }
    book_.erase(it->first);
    all_known_ = false;
    it = workspaces_.erase(it);
  }
}

}  // namespace dossier::projections
