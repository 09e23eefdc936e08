// The one table from Code to HTTP.
#include "api/problem.hpp"

#include "api/json_object.hpp"

namespace dossier::api {
namespace {

constexpr std::int64_t kRetryAfterMs = 1'000;  // where an error has no hint of its own

}  // namespace

ProblemKind problem_kind(Code code) noexcept {
  switch (code) {
    case Code::malformed_json: return {400, "The body is not valid JSON"};
    case Code::invalid_field: return {400, "A field is not valid"};
    case Code::unknown_field: return {400, "A field is not known"};
    case Code::missing_field: return {400, "A field is missing"};
    case Code::payload_too_large: return {413, "The payload is too large"};
    case Code::unsupported_media_type: return {415, "The media type is not supported"};
    case Code::unauthenticated: return {401, "Authentication is needed"};
    case Code::forbidden: return {403, "Not allowed"};
    case Code::not_found: return {404, "Not found"};
    case Code::method_not_allowed: return {405, "The method is not allowed here"};
    case Code::idempotency_key_reused: return {422, "The idempotency key belongs to another request"};
    case Code::already_exists: return {409, "It exists already"};
    case Code::conflict: return {409, "The present state forbids it"};
    case Code::terminal_state: return {409, "It has ended"};
    case Code::working_copy_busy: return {409, "The working copy is busy"};
    case Code::follow_ups_full: return {409, "No more follow-ups may wait"};
    case Code::no_worker_available: return {409, "No worker is available"};
    case Code::approval_resolved: return {409, "The approval was decided before"};
    case Code::offer_superseded: return {409, "The offer was superseded"};
    case Code::precondition_failed: return {412, "A precondition does not hold"};
    case Code::too_many_requests: return {429, "Too many requests"};
    case Code::contention: return {503, "Others changed the same thing"};
    case Code::undecided: return {202, "Recorded, undecided"};
    case Code::unacknowledged: return {503, "Not acknowledged by the log"};
    case Code::log_unavailable: return {503, "The log is unavailable"};
    case Code::database_unavailable: return {503, "The database is unavailable"};
    case Code::overloaded: return {503, "The server is at its limit"};
    case Code::partition_halted: return {503, "The partition is halted"};
    case Code::projection_behind: return {503, "The read models are behind"};
    case Code::upgrade_required: return {503, "A newer server is needed"};
    case Code::shutting_down: return {503, "The server is stopping"};
    case Code::timeout: return {504, "It took too long"};
    case Code::log_mismatch: return {500, "The log is another one"};
    case Code::corrupt: return {500, "Stored bytes do not verify"};
    case Code::position_moved: return {500, "Another projector owns the partition"};
    case Code::usage: return {500, "The server is set up wrongly"};
    case Code::io: return {500, "Input or output failed"};
    case Code::internal: return {500, "An error of the server"};
  }
  return {500, "An error of the server"};
}

http::Response problem(const Error& error, std::string_view commit) {
  const ProblemKind kind = problem_kind(error.code);
  const std::string_view code = to_string(error.code);
  http::Response response;
  response.status = kind.status;
  response.set("Content-Type", "application/problem+json");
  response.set("Cache-Control", "no-store");
  JsonObject json;
  json.text("type", "urn:dossier:problem:" + std::string(code));
  json.text("title", kind.title);
  json.number("status", kind.status);
  json.text("code", code);
  json.text("detail", error.message);
  if (!error.field.empty()) json.text("field", error.field);
  if (!commit.empty()) json.text("commit", commit);
  response.body = std::move(json).finish();
  if (error.code == Code::unauthenticated) response.set("WWW-Authenticate", "Bearer realm=\"dossier\"");
  if (is_transient(error.code)) {
    const std::int64_t after_ms = error.retry_after_ms > 0 ? error.retry_after_ms : kRetryAfterMs;
    response.set("Retry-After", std::to_string((after_ms + 999) / 1'000));
  }
  return response;
}

}  // namespace dossier::api
