// What every decision does: read states out of a snapshot, remember which versions were relied on, and compose events.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dossier/v1/state.pb.h"
#include "events/codec.hpp"
#include "producers/command.hpp"

namespace dossier::producers::commands {

template <class State>
struct Loaded {
  std::uint64_t version = 0;
  State state;
};

// One decision being made. Lives inside one call of Decide.
class DecisionBuilder {
 public:
  DecisionBuilder(Snapshot& snapshot, const CommandContext& context) : snapshot_(snapshot), context_(context) {}

  // The folded state of a stream. The decision does not expect it yet: say relies_on() where it does.
  // upgrade_required: newer code folded it. corrupt: its bytes are no State.
  template <class State>
  Result<Loaded<State>> load(const std::string& stream) {
    TRY(const StreamState row, read(stream));
    Loaded<State> loaded;
    loaded.version = row.version;
    if (!loaded.state.ParseFromString(row.state)) return unreadable(stream);
    return loaded;
  }
  // load() and relies_on() in one.
  template <class State>
  Result<State> rely(const std::string& stream) {
    TRY(Loaded<State> loaded, load<State>(stream));
    relies_on(stream, loaded.version);
    return std::move(loaded.state);
  }
  void relies_on(const std::string& stream, std::uint64_t version) { expects_.emplace(stream, version); }
  // The stream must not exist: for what this commit makes.
  void expects_new(const std::string& stream) { relies_on(stream, 0); }

  void add(std::string stream, std::string_view issue_id, const v1::EventPayload& payload) {
    decision_.events.push_back(events::make_event(std::move(stream), issue_id, payload));
  }
  void add(std::string stream, std::string_view issue_id, const v1::IdentityEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_identity() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::WorkspaceEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_workspace() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::MembersEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_members() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::ProjectEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_project() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::ProjectUseEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_project_use() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::IssueEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_issue() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::CommentEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_comment() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::CopyEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_copy() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::SessionEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_session() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::TaskEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_task() = e; });
  }
  void add(std::string stream, std::string_view issue_id, const v1::WorkerEvent& e) {
    put(std::move(stream), issue_id, [&](auto& p) { *p.mutable_worker() = e; });
  }

  // Nothing was decided if there are no events: then nothing is expected either.
  Decision finish();

  Snapshot& snapshot() { return snapshot_; }
  const CommandContext& context() const { return context_; }
  const WorkspaceId& workspace() const { return context_.workspace; }

 private:
  template <class Fill>
  void put(std::string stream, std::string_view issue_id, Fill fill) {
    v1::EventPayload payload;
    fill(payload);
    add(std::move(stream), issue_id, payload);
  }
  Result<StreamState> read(const std::string& stream);
  static Error unreadable(const std::string& stream);

  Snapshot& snapshot_;
  const CommandContext& context_;
  Decision decision_;
  std::map<std::string, std::uint64_t> expects_;
};

// This commit names a secret whose row was written before: void if the sweeper gives the secret up first, and a conflict if
// it has (producers/secret_sweeper.hpp).
Status expect_secret(DecisionBuilder& decision, const SecretId& secret);

// The acting user is a member of the context's workspace with at least this role; relied on.
Status require_member(DecisionBuilder& decision, v1::Role least);

}  // namespace dossier::producers::commands
