// The error domain of the whole product: one code, one sentence, and where it applies the field that was wrong.
// api/problem.cpp holds the only table from Code to HTTP status; app/exit_codes.hpp the only one to exit codes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dossier {

// Stable names: to_string(Code) is the `code` of a problem document and never changes meaning.
enum class Code : std::uint8_t {
  // The request is wrong: repeating it unchanged can't succeed.
  malformed_json,          // body is not JSON, or not UTF-8
  invalid_field,           // a field (named in Error::field) has a wrong type, form or value
  unknown_field,           // a field (named) which this resource does not have
  missing_field,           // a required field (named) is absent
  payload_too_large,       // body, commit or blob over its limit
  unsupported_media_type,  //
  unauthenticated,         // no token, or one that is unknown, expired or revoked
  forbidden,               // a member without the role
  not_found,               // absent, or not visible to this principal
  method_not_allowed,      //
  idempotency_key_reused,  // same key, another request
  already_exists,          // a name is taken
  conflict,                // the state changed under the request, or forbids it
  terminal_state,          // the thing has ended; nothing changes it any more
  working_copy_busy,       // the working copy has an active session
  follow_ups_full,         // as many follow-ups wait for the session's next turn as may
  no_worker_available,     // nothing alive could claim the task
  approval_resolved,       // somebody, or a rule, decided it before
  offer_superseded,        // a report under an offer number that is no longer the present one
  precondition_failed,     //
  too_many_requests,       //
  // The request may succeed later, unchanged.
  contention,            // lost every round against other writers
  undecided,             // durable in the log, verdict not known yet (202)
  unacknowledged,        // sent, and nobody knows whether the log has it (503, open)
  log_unavailable,       // Kafka can't be reached
  database_unavailable,  // Postgres can't be reached
  overloaded,            // a bounded queue is full
  partition_halted,      // the partition's projector stopped on a corrupt or foreign log
  projection_behind,     // `after=` or the 10 s bound was not reached in time
  upgrade_required,      // state was folded by newer code
  shutting_down,         //
  timeout,               //
  // The operator has to look.
  log_mismatch,    // another log id, partition count, history, or a changed tail
  corrupt,         // stored bytes do not verify
  position_moved,  // another projector owns this partition now
  usage,           // a wrong command line
  io,              // a file, process or socket failed
  internal,        // a bug: an invariant of ours does not hold
};

// Every code, for tables and tests.
inline constexpr int kCodeCount = static_cast<int>(Code::internal) + 1;

std::string_view to_string(Code code) noexcept;

// True where the same request, unchanged, may succeed later.
bool is_transient(Code code) noexcept;

struct Error {
  Code code = Code::internal;
  std::string message;              // one sentence for a person: what is wrong and what to do
  std::string field;                // path of the wrong field ("title", "events[3].stream"), empty where none is
  std::int64_t retry_after_ms = 0;  // a hint for transient codes; 0 = none
};

inline Error make_error(Code code, std::string message, std::string field = {}) { return Error{code, std::move(message), std::move(field), 0}; }

}  // namespace dossier
