// What is remembered of callers, and when that suffices.
#include "api/admission.hpp"

#include "api/access.hpp"
#include "base/check.hpp"

namespace dossier::api {
namespace {

// The id whose workspace a scope needs; empty: the scope has none.
std::string scope_id(const Call& call) {
  switch (call.route->scope) {
    case Scope::none:
    case Scope::identity:
    case Scope::workspace:
    case Scope::token_workspace: return {};
    case Scope::project:
    case Scope::issue:
    case Scope::session:
    case Scope::task: return call.path_value("id");
  }
  return {};
}

}  // namespace

Status Admission::admit(const CallPtr& call, const crypto::Hash& token) {
  Known known;
  std::string workspace;
  if (!std::holds_alternative<Command>(call->route->answer) || !recall(*call, token, known, workspace)) return admit_fully(*call, token);
  const bool expired = known.principal.expires_us != 0 && known.principal.expires_us <= environment_.clock.wall_us();
  if (expired) return admit_fully(*call, token);
  call->access.principal = known.principal;
  call->access.workspace = workspace;
  call->access.identity_seq = known.identity_seq;
  call->access.generation = known.generation;
  // Held by the call itself, it must not hold the call.
  call->premise = producers::Premise{WorkspaceId("identity"), {known.identity_seq, known.generation}, [this, weak = std::weak_ptr(call), token] {
                                       const CallPtr held = weak.lock();
                                       CHECK(held != nullptr);
                                       return admit_fully(*held, token);
                                     }};
  return {};
}

bool Admission::recall(const Call& call, const crypto::Hash& token, Known& known, std::string& workspace) {
  if (call.route->auth != Auth::user || !call.route->least_role.empty()) return false;
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(std::string(crypto::view(token)));
  if (found == tokens_.end()) return false;
  known = found->second;
  switch (call.route->scope) {
    case Scope::none:
    case Scope::identity: workspace = "identity"; return true;
    case Scope::workspace: workspace = call.path_value("ws"); return is_id(workspace, "ws");
    case Scope::token_workspace: return false;
    case Scope::project:
    case Scope::issue:
    case Scope::session:
    case Scope::task: {
      const auto id = workspaces_.find(scope_id(call));
      if (id == workspaces_.end()) return false;
      workspace = id->second;
      return true;
    }
  }
  return false;
}

void Admission::remember(const Call& call, const crypto::Hash& token) {
  if (call.access.principal.kind != Principal::Kind::user) return;
  const std::lock_guard lock(mutex_);
  if (tokens_.size() >= kMaxRemembered) tokens_.clear();
  if (workspaces_.size() >= kMaxRemembered) workspaces_.clear();
  tokens_[std::string(crypto::view(token))] = {call.access.principal, call.access.identity_seq, call.access.generation};
  const std::string id = scope_id(call);
  if (!id.empty()) workspaces_[id] = call.access.workspace;
}

Status Admission::admit_fully(Call& call, const crypto::Hash& token) {
  TRY(const auto statements, access_statements(call, token));
  TRY(const auto rows, environment_.database.read_all(statements));
  auto access = api::admit(call, rows, environment_.clock.wall_us());
  if (!access) {
    // Unknown to a database that forgot its last commits is not unknown.
    TRY_STATUS(environment_.commands.database_is_present());
    return access.error();
  }
  call.access = *std::move(access);
  remember(call, token);
  return {};
}

}  // namespace dossier::api
