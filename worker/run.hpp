// What a run is to the protocol: a task under one offer, what it is told, what it says beside its turns, and how it ended.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dossier/v1/worker.pb.h"

namespace dossier::worker {

struct RunKey {
  std::string task_id;
  std::uint32_t offer = 0;
  friend auto operator<=>(const RunKey&, const RunKey&) = default;
};

enum class StopReason : std::uint8_t {
  none,
  cancelled,       // somebody asked for it
  fenced,          // the offer is not the present one any more: nothing is reported under it
  silent,          // nothing of ours reached the log, or nothing of theirs reached us, for a lease: fail safe
  not_granted,     // the claim was never answered
  drain_deadline,  // this worker has to end
  revoked,         // the worker's token was revoked
};
std::string_view to_string(StopReason reason) noexcept;

// ---- what a run is told while its agent works

// The server's answer to a turn that ended: there is more to do.
struct BeginTurn {
  RunKey run;
  std::uint32_t turn = 0;
  std::vector<v1::TurnInput> inputs;
};
// The other answer: nothing more. The run ends with what it has.
struct FinishRun {
  RunKey run;
};
// What was decided about something that the agent asked for, under this offer or (known by resolved.request_id) an earlier.
struct AnswerApproval {
  RunKey run;
  std::string provider_request;
  v1::ApprovalResolved resolved;
};
// Into the present turn.
struct Steer {
  RunKey run;
  v1::TurnInput input;
};
using RunMail = std::variant<BeginTurn, FinishRun, AnswerApproval, Steer>;

// What a run says beside its turns and approvals: reported as it is.
using RunNote = std::variant<v1::SourceCaptured, v1::EvidenceRecorded, v1::EvidenceRejected, v1::LimitReached>;

// How a run ended, as the one who ran it saw it.
struct RunEnd {
  enum class Kind : std::uint8_t { completed, failed, stopped };
  Kind kind = Kind::stopped;
  // The agent's work: set where a worktree was captured. Not reported again where it was the last turn's note.
  std::optional<v1::SourceCaptured> source;
  std::string result;  // completed: the agent's last words
  std::string code;    // failed: agent_failed, agent_timeout, workdir_failed, …
  std::string error;
  std::string phase;  // failed: workdir, agent, capture
  bool retryable = false;
  std::uint64_t last_activity_sequence = 0;
  std::string activity_root;  // SHA-256 of the last activity record
};

}  // namespace dossier::worker
