// Which aggregate a stream belongs to, and the folding of its events into state bytes (schemas/dossier/v1/state.proto).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

// The version of everything that evolve does. A change folds the log again, beside the live generation.
inline constexpr std::uint32_t kStateCodec = 3;

// Where an event stands, as far as a state may depend on it.
struct FoldContext {
  std::int64_t time_us = 0;   // the commit's
  std::uint64_t version = 0;  // of the stream after the event
  const v1::Actor* actor = nullptr;
};

class StreamFold;  // an aggregate's message with its evolve

// A stream's state while events are folded into it: parsed once, written back once. Total: an event or stream which this
// code does not know leaves the state as it is and marks it; nothing throws. Not thread-safe.
class FoldedStream {
 public:
  // `state`: bytes as stored, empty for a new stream.
  FoldedStream(std::string_view stream, std::string_view state, bool needs_newer_code = false);
  ~FoldedStream();
  FoldedStream(FoldedStream&&) noexcept;
  FoldedStream& operator=(FoldedStream&&) noexcept;

  void evolve(const v1::EventPayload& payload, const FoldContext& context);
  // For an event whose payload does not parse at all.
  void mark_unknown() { needs_newer_code_ = true; }
  bool needs_newer_code() const { return needs_newer_code_; }
  std::string state() const;  // bytes to store

 private:
  std::unique_ptr<StreamFold> fold_;  // nullptr: a stream of an unknown kind
  bool needs_newer_code_;
};

// The aggregates' evolve functions, one an aggregate, beside their decide functions. Each returns false for a fact which it
// does not know.
bool evolve(v1::NameState& state, const v1::IdentityEvent& event);
bool evolve(v1::UserState& state, const v1::IdentityEvent& event);
bool evolve(v1::WorkspaceState& state, const v1::WorkspaceEvent& event);
bool evolve(v1::MembersState& state, const v1::MembersEvent& event);
bool evolve(v1::ProjectState& state, const v1::ProjectEvent& event);
bool evolve(v1::ProjectUseState& state, const v1::ProjectUseEvent& event);
bool evolve(v1::IssueState& state, const v1::IssueEvent& event);
bool evolve(v1::CommentState& state, const v1::CommentEvent& event, const FoldContext& context);
bool evolve(v1::CopyState& state, const v1::CopyEvent& event);
bool evolve(v1::SessionState& state, const v1::SessionEvent& event);
bool evolve(v1::TaskState& state, const v1::TaskEvent& event);
bool evolve(v1::WorkerState& state, const v1::WorkerEvent& event);

}  // namespace dossier::events
