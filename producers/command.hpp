// A command: decided by a pure function over a snapshot, appended as one commit, answered by its verdict.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "producers/state_store.hpp"

namespace dossier::producers {

// Who asks, and what makes the request recognisable when it is sent again.
struct CommandContext {
  WorkspaceId workspace;
  CommitId commit_id;  // derived from (workspace, principal, route, idempotency key)
  v1::Actor actor;
  std::string fingerprint;  // SHA-256 of the canonical request, 32 bytes
  std::string causation_id;
  std::string correlation_id;
  std::string traceparent;
  std::int64_t occurred_at_us = 0;  // the client's word, 0 = none
  std::int64_t now_us = 0;          // of this decision, set by the executor on every round
  // The key was made by this server for this very request, so no earlier commit can have it: the look-up before the first
  // decision is left out. Never set it for a key that someone else chose.
  bool fresh_key = false;
  // Whoever chose the key sends it again only after a crash: where no read is needed for the decision, none is made to look
  // for an earlier commit. A second one is void, and answered with the first one's result.
  bool seldom_repeated = false;
};

// What a decision yields: events, and the versions of exactly those streams that it relied on. No events: the
// present state already says what the command asks; nothing is appended and the answer is the present seq.
struct Decision {
  std::vector<v1::Event> events;
  std::vector<v1::Expect> expects;
};

// What is appended for it: of the context's time, and without a history, which the log adds.
v1::Commit commit_of(const CommandContext& context, Decision decision);

// Reads the snapshot, calls the aggregates' pure decide functions, and composes one commit. No clock, no randomness, no
// side effects: it may be called again on a later snapshot. A refusal is an Error and writes nothing.
using Decide = std::function<Result<Decision>(Snapshot& snapshot, const CommandContext& context)>;

// What a request was let in on, remembered and not read for it: it holds while that workspace is where it was. The read that a
// decision needs anyhow says so; where it does not, the command asks anew.
struct Premise {
  WorkspaceId workspace;
  Head head;
  std::function<Status()> confirm;  // reads whether it holds now; blocks, on the executor
};

struct Command {
  CommandContext context;
  Decide decide;
  std::string hot_stream = {};          // not empty: one command in flight for it in this process (a hint against contention)
  std::optional<Premise> premise = {};  // a command whose premise does not hold ends with the error that confirm() gave
};

// A command's good end. Its bad ends are errors: refusals (from decide), idempotency_key_reused, conflict, contention,
// payload_too_large, undecided (202: acknowledged, no verdict within 2 s), unacknowledged (503: open), log_unavailable,
// database_unavailable, partition_halted, overloaded, upgrade_required.
struct Committed {
  AcceptedCommit commit;
  bool repeated = false;  // an earlier request with the same key had done it
};

// What an earlier commit under this id means for a request: its result, if it was the same request.
Result<Committed> answer_as_first(AcceptedCommit first, const CommandContext& context);

}  // namespace dossier::producers
