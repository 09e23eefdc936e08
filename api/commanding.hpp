// How a command is answered: parsed and decided on, appended, and told what the ledger said; honest about what is not
// known. The reply is made of the accepted commit, so a repeated request gets the same one.
#pragma once

#include <functional>
#include <string>

#include "api/reading.hpp"
#include "api/route.hpp"
#include "producers/command_runner.hpp"

namespace dossier::api {

// The Idempotency-Key of a request, or one made here.
struct RequestKey {
  std::string text;
  bool is_fresh = false;
};
// invalid_field: not 1 to 200 printable ASCII characters.
Result<RequestKey> request_key(const http::Request& request);

// SHA-256 of what a request asks: method, path, and the body's JSON written anew (white space says nothing).
std::string request_fingerprint(const http::Request& request);

// The context of a command by the call's principal. `domain`: where the commit goes.
producers::CommandContext command_context(const Call& call, const WorkspaceId& domain, const RequestKey& key, std::string fingerprint);

// 202 with Location for undecided, 503 with Location for unacknowledged, the problem document for the rest.
http::Response command_problem(const Error& error, const producers::CommandContext& context);

// "commit_id" put in front of a resource's members.
std::string with_commit(std::string resource_json, const producers::Committed& committed);

// Thread-safe; on pool threads.
class Commanding {
 public:
  Commanding(Environment& environment, Reading& reading) : environment_(environment), reading_(reading) {}
  void answer(const CallPtr& call, const http::Responder& responder);

 private:
  static void refuse(const Call& call, const Error& error, const http::Responder& responder);

  Environment& environment_;
  Reading& reading_;
};

}  // namespace dossier::api
