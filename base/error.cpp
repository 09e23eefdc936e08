// Names of the error codes; exhaustive on purpose, -Werror=switch keeps it so.
#include "base/error.hpp"

namespace dossier {

std::string_view to_string(Code code) noexcept {
  switch (code) {
    case Code::malformed_json: return "malformed_json";
    case Code::invalid_field: return "invalid_field";
    case Code::unknown_field: return "unknown_field";
    case Code::missing_field: return "missing_field";
    case Code::payload_too_large: return "payload_too_large";
    case Code::unsupported_media_type: return "unsupported_media_type";
    case Code::unauthenticated: return "unauthenticated";
    case Code::forbidden: return "forbidden";
    case Code::not_found: return "not_found";
    case Code::method_not_allowed: return "method_not_allowed";
    case Code::idempotency_key_reused: return "idempotency_key_reused";
    case Code::already_exists: return "already_exists";
    case Code::conflict: return "conflict";
    case Code::terminal_state: return "terminal_state";
    case Code::working_copy_busy: return "working_copy_busy";
    case Code::follow_ups_full: return "follow_ups_full";
    case Code::no_worker_available: return "no_worker_available";
    case Code::approval_resolved: return "approval_resolved";
    case Code::offer_superseded: return "offer_superseded";
    case Code::precondition_failed: return "precondition_failed";
    case Code::too_many_requests: return "too_many_requests";
    case Code::contention: return "contention";
    case Code::undecided: return "undecided";
    case Code::unacknowledged: return "unacknowledged";
    case Code::log_unavailable: return "log_unavailable";
    case Code::database_unavailable: return "database_unavailable";
    case Code::overloaded: return "overloaded";
    case Code::partition_halted: return "partition_halted";
    case Code::projection_behind: return "projection_behind";
    case Code::upgrade_required: return "upgrade_required";
    case Code::shutting_down: return "shutting_down";
    case Code::timeout: return "timeout";
    case Code::log_mismatch: return "log_mismatch";
    case Code::corrupt: return "corrupt";
    case Code::position_moved: return "position_moved";
    case Code::usage: return "usage";
    case Code::io: return "io";
    case Code::internal: return "internal";
  }
  return "internal";
}

bool is_transient(Code code) noexcept {
  switch (code) {
    case Code::contention:
    case Code::undecided:
    case Code::unacknowledged:
    case Code::log_unavailable:
    case Code::database_unavailable:
    case Code::overloaded:
    case Code::partition_halted:
    case Code::projection_behind:
    case Code::upgrade_required:
    case Code::shutting_down:
    case Code::timeout:
    case Code::too_many_requests: return true;
    case Code::malformed_json:
    case Code::invalid_field:
    case Code::unknown_field:
    case Code::missing_field:
    case Code::payload_too_large:
    case Code::unsupported_media_type:
    case Code::unauthenticated:
    case Code::forbidden:
    case Code::not_found:
    case Code::method_not_allowed:
    case Code::idempotency_key_reused:
    case Code::already_exists:
    case Code::conflict:
    case Code::terminal_state:
    case Code::working_copy_busy:
    case Code::follow_ups_full:
    case Code::no_worker_available:
    case Code::approval_resolved:
    case Code::offer_superseded:
    case Code::precondition_failed:
    case Code::log_mismatch:
    case Code::corrupt:
    case Code::position_moved:
    case Code::usage:
    case Code::io:
    case Code::internal: return false;
  }
  return false;
}

}  // namespace dossier
