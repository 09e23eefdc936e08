// Errors at the terminal.
#include "app/cli/exit_codes.hpp"

#include <cstdio>

#include "platform/json/json.hpp"

namespace dossier::cli {

int exit_code(Code code) noexcept {
  switch (code) {
    case Code::usage:
    case Code::invalid_field:
    case Code::unknown_field:
    case Code::missing_field: return kUsage;
    case Code::not_found: return kNotFound;
    case Code::unauthenticated: return kSignIn;
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
    case Code::contention: return kConflict;
    case Code::malformed_json:
    case Code::payload_too_large:
    case Code::unsupported_media_type:
    case Code::forbidden:
    case Code::method_not_allowed:
    case Code::too_many_requests:
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
    case Code::log_mismatch:
    case Code::corrupt:
    case Code::position_moved:
    case Code::io:
    case Code::internal: return kFailed;
  }
  return kFailed;
}

Code code_of(std::string_view name) noexcept {
  for (int i = 0; i < kCodeCount; ++i)
    if (to_string(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  return Code::internal;
}

std::string next_step(const Error& error) {
  switch (error.code) {
    case Code::unauthenticated: return "sign in with: dossier sign-in";
    case Code::undecided:
    case Code::unacknowledged: return "the request may yet take effect: send it again with the same --idempotency-key";
    case Code::log_unavailable: return "check that Kafka runs (./dev status)";
    case Code::database_unavailable: return "check that Postgres runs (./dev status)";
    case Code::partition_halted: return "read the server's log, and docs/operations.md on halted partitions";
    case Code::no_worker_available: return "start a worker with: ./dev worker, or dossier worker --token msw_…";
    case Code::contention:
    case Code::too_many_requests:
    case Code::overloaded:
    case Code::shutting_down:
    case Code::projection_behind: return "try again in a moment";
    case Code::malformed_json:
    case Code::invalid_field:
    case Code::unknown_field:
    case Code::missing_field:
    case Code::payload_too_large:
    case Code::unsupported_media_type:
    case Code::forbidden:
    case Code::not_found:
    case Code::method_not_allowed:
    case Code::idempotency_key_reused:
    case Code::already_exists:
    case Code::conflict:
    case Code::terminal_state:
    case Code::working_copy_busy:
    case Code::approval_resolved:
    case Code::follow_ups_full:
    case Code::offer_superseded:
    case Code::precondition_failed:
    case Code::upgrade_required:
    case Code::timeout:
    case Code::log_mismatch:
    case Code::corrupt:
    case Code::position_moved:
    case Code::usage:
    case Code::io:
    case Code::internal: return {};
  }
  return {};
}

int report(const Error& error, bool json) {
  const std::string next = next_step(error);
  if (json) {
    json::Value::Object object{{"code", std::string(to_string(error.code))}, {"message", error.message}};
    if (!error.field.empty()) object.emplace_back("field", error.field);
    if (!next.empty()) object.emplace_back("next", next);
    std::fprintf(stderr, "%s\n", json::write(object).c_str());
  } else {
    std::string text = "dossier: ";
    if (!error.field.empty() && error.message.find(error.field) == std::string::npos) text += error.field + ": ";
    text += error.message + "\n";
    if (!next.empty()) text += "  " + next + "\n";
    std::fputs(text.c_str(), stderr);
  }
  return exit_code(error.code);
}

}  // namespace dossier::cli
