// The one way from a POST, PATCH or DELETE to its reply.
#include "api/commanding.hpp"

#include <algorithm>

#include "api/json_object.hpp"
#include "api/problem.hpp"
#include "events/names.hpp"

namespace dossier::api {
namespace {

constexpr std::size_t kMaxKeyBytes = 200;
constexpr std::size_t kMaxTraceBytes = 128;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

std::string commit_path(const producers::CommandContext& context) {
  return "/v1/workspaces/" + context.workspace.str() + "/commits/" + context.commit_id.str();
}

http::Response reply_to(const Call& call, const producers::Committed& committed, const RequestKey& key, Reply reply) {
  http::Response response;
  response.status = reply.status != 0 ? reply.status : call.route->status;
  response.headers = std::move(reply.headers);
  response.body = std::move(reply.body);
  if (response.status == 204)
    response.body.clear();
  else
    response.set("Content-Type", std::string(call.route->response_type));
  response.set("Dossier-Seq", std::to_string(committed.commit.seq));
  response.set("Idempotency-Key", key.text);
  if (committed.repeated) response.set("Idempotency-Replayed", "true");
  response.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

Result<RequestKey> request_key(const http::Request& request) {
  const std::string* header = request.header("idempotency-key");
  if (header == nullptr) return RequestKey{crypto::random_uuid_hex(), true};
  if (header->empty() || header->size() > kMaxKeyBytes || !is_printable(*header))
    return make_error(Code::invalid_field, "must be 1 to " + std::to_string(kMaxKeyBytes) + " printable ASCII characters", "Idempotency-Key");
  return RequestKey{*header, false};
}

std::string request_fingerprint(const http::Request& request) {
  std::string text = request.method + '\n' + request.path + '\n';
  if (!request.body.empty()) {
    const auto value = json::parse(request.body);
    text += value ? json::write(*value) : request.body;
  }
  return std::string(crypto::view(crypto::sha256(text)));
}

producers::CommandContext command_context(const Call& call, const WorkspaceId& domain, const RequestKey& key, std::string fingerprint) {
  producers::CommandContext context;
  const Principal& principal = call.access.principal;
  const std::string caller = principal.kind == Principal::Kind::worker ? principal.token.str() : principal.id;
  context.workspace = domain;
  context.commit_id = events::derive_commit_id(domain, caller, std::string(call.route->method) + " " + std::string(call.route->path), key.text);
  context.actor.set_kind(principal.kind == Principal::Kind::worker ? v1::Actor::WORKER : v1::Actor::USER);
  context.actor.set_id(principal.id);
  context.fingerprint = std::move(fingerprint);
  context.fresh_key = key.is_fresh;
  const std::string* trace = call.request.header("traceparent");
  if (trace != nullptr && trace->size() <= kMaxTraceBytes && is_printable(*trace)) context.traceparent = *trace;
  return context;
}

http::Response command_problem(const Error& error, const producers::CommandContext& context) {
  if (error.code != Code::undecided && error.code != Code::unacknowledged) return problem(error);
  http::Response response = problem(error, context.commit_id.str());
  response.set("Location", commit_path(context));
  return response;
}

std::string with_commit(std::string resource, const producers::Committed& committed) {
  const std::string member = "\"commit_id\":\"" + committed.commit.id.str() + "\"";
  resource.insert(1, resource.size() > 2 ? member + "," : member);
  return resource;
}

// Who was let in on what is remembered is told nothing about a request before that is known to hold.
void Commanding::refuse(const Call& call, const Error& error, const http::Responder& responder) {
  const Status holds = call.premise ? call.premise->confirm() : Status();
  responder(problem(holds ? error : holds.error()));
}

void Commanding::answer(const CallPtr& call, const http::Responder& responder) {
  const Command& command = std::get<Command>(call->route->answer);
  auto key = request_key(call->request);
  if (!key) return refuse(*call, key.error(), responder);
  call->key = key->text;
  producers::CommandContext context = command_context(*call, WorkspaceId(call->access.workspace), *key, request_fingerprint(call->request));
  auto prepared = command.prepare(*call, context.commit_id);
  if (!prepared) return refuse(*call, prepared.error(), responder);
  if (prepared->actor) context.actor = *prepared->actor;
  if (!prepared->fingerprint.empty()) context.fingerprint = prepared->fingerprint;

  producers::Command run{context, std::move(prepared->decide), std::move(prepared->hot_stream), std::move(call->premise)};
  environment_.commands.run(std::move(run), [this, call, responder, key = *key, context](Result<producers::Committed> result) {
    const Command& answered = std::get<Command>(call->route->answer);
    if (!result) return responder(command_problem(result.error(), context));
    call->access.seq = result->commit.seq;
    const auto finish = [call, responder, key, context, committed = *result](Result<Reply> reply) {
      if (!reply) return responder(command_problem(reply.error(), context));
      if (!reply->body.empty()) reply->body = with_commit(std::move(reply->body), committed);
      responder(reply_to(*call, committed, key, *std::move(reply)));
    };
    if (answered.shows != nullptr && answered.shows(*call, *result)) return reading_.show(call, *answered.show, result->commit.seq, finish);
    finish(answered.render(*call, *result));
  });
}

}  // namespace dossier::api
