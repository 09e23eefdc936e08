// POST /v1/bootstrap: the first admin, a workspace, and a token, once for a server.
//
//   no admin yet? → hash the password → store it → AdminBootstrapped … (identity) → the workspace's two steps → a session
//
// Nothing about the password reaches the log, not even in the request's fingerprint; a request that is sent again under its
// key is let in only with the password that it came with first.
#include "api/bootstrap.hpp"

#include "api/auth_session.hpp"
#include "api/body.hpp"
#include "api/commanding.hpp"
#include "api/json_object.hpp"
#include "api/problem.hpp"
#include "api/workspace_process.hpp"
#include "events/identity.hpp"
#include "events/names.hpp"
#include "producers/commands/identity.hpp"

namespace dossier::api {
namespace {

using producers::Committed;

constexpr std::size_t kMaxLoginBytes = 64;
constexpr std::size_t kMinPasswordBytes = 8;
constexpr std::size_t kMaxPasswordBytes = 256;
constexpr std::size_t kMaxNameBytes = 200;

// Whether there is an admin, and whether this very request ($1 its commit id) made it.
constexpr std::string_view kStateSql = R"(
SELECT EXISTS (SELECT 1 FROM names WHERE stream = 'server/admin' AND workspace = 'identity' AND owner <> ''),
       EXISTS (SELECT 1 FROM dossier.journal WHERE workspace = 'identity' AND commit_id = $1 AND verdict = 1))";

const Schema& bootstrap_schema() {
  static const Schema schema{"Bootstrap",
                             {{"login", FieldType::string, true, "lower-case letters, digits, inner - _ .", R"("ada")"},
                              {"password", FieldType::string, true, "8 to 256 bytes", R"("correct horse battery staple")"},
                              {"display_name", FieldType::string, false, {}, R"("Ada")"},
                              {"workspace_name", FieldType::string, false, {}, R"("Ada's workspace")"},
                              {"workspace_slug", FieldType::string, false, "[a-z0-9] and inner -, 2 to 64", R"("ada")"}}};
  return schema;
}
const Schema& bootstrapped_schema() {
  static const Schema schema{"Bootstrapped",
                             {{"user", FieldType::object, true, {}},
                              {"workspace", FieldType::object, true, {}},
                              {"token", FieldType::string, true, "dst_…"},
                              {"expires_at", FieldType::string, true, "RFC 3339"},
                              {"commit_id", FieldType::string, true, {}},
                              {"seq", FieldType::integer, true, "of the identity domain"}}};
  return schema;
}

struct Bootstrap {
  Environment* environment = nullptr;
  RequestKey key;
  producers::commands::BootstrapAdmin command;
  std::string password;
  producers::CommandContext context;
  http::Responder responder;
};
using BootstrapPtr = std::shared_ptr<Bootstrap>;

// A slug out of a login: what a slug can't hold becomes '-'.
std::string slug_of(std::string_view login) {
  std::string slug;
  for (char c : login) slug += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  return slug.size() < 2 ? slug + "-home" : slug;
}

Status read_body(const http::Request& request, Bootstrap& bootstrap) {
  TRY(const json::Value body, parse_body(request));
  json::ObjectReader reader(body);
  auto& command = bootstrap.command;
  command.login = reader.required_string("login", kMaxLoginBytes);
  bootstrap.password = reader.required_string("password", kMaxPasswordBytes, kMinPasswordBytes);
  command.display_name = reader.optional_string("display_name", kMaxNameBytes).value_or(command.login);
  command.workspace_name = reader.optional_string("workspace_name", kMaxNameBytes).value_or(command.display_name);
  command.workspace_slug = reader.optional_string("workspace_slug", kMaxLoginBytes).value_or(slug_of(command.login));
  TRY_STATUS(reader.finish());
  TRY_STATUS(events::check_login(command.login));
  return events::check_slug(command.workspace_slug, "workspace_slug");
}

std::string fingerprint(const Bootstrap& bootstrap) {
  std::string text = "POST\n/v1/bootstrap\n";
  for (const std::string& part :
       {bootstrap.command.login, bootstrap.command.display_name, bootstrap.command.workspace_name, bootstrap.command.workspace_slug}) {
    json::append_string(text, part);
    text += '\n';
  }
  return std::string(crypto::view(crypto::sha256(text)));
}

void welcome(const BootstrapPtr& bootstrap, const Committed& admin, const v1::WorkspaceCreated& workspace, const Committed& created) {
  User user{workspace.owner_id(), {}, {}, true};
  json::append_string(user.login_json, bootstrap->command.login);
  json::append_string(user.display_name_json, bootstrap->command.display_name);
  open_session(*bootstrap->environment, UserId(user.id), [bootstrap, admin, workspace, created, user](Result<OpenedSession> session) {
    if (!session) return bootstrap->responder(problem(session.error()));
    http::Response response;
    response.status = 201;
    response.body = std::move(JsonObject()
                                  .raw("user", user_json(user))
                                  .raw("workspace", new_workspace_json(workspace, created.commit))
                                  .text("token", session->token)
                                  .raw("expires_at", time_json(session->expires_us))
                                  .text("commit_id", admin.commit.id.str())
                                  .number("seq", static_cast<std::int64_t>(session->committed.commit.seq)))
                        .finish();
    response.set("Content-Type", "application/json");
    response.set("Cache-Control", "no-store");
    response.set("Dossier-Seq", std::to_string(session->committed.commit.seq));
    response.set("Idempotency-Key", bootstrap->key.text);
    bootstrap->responder(std::move(response));
  });
}

// Sent again: only who knows the first one's password is let in. On the password pool.
Status check_repeat(const Bootstrap& bootstrap, const Committed& admin) {
  for (const Fact& fact : facts_of(admin.commit)) {
    if (!fact.payload.identity().has_user_registered()) continue;
    const SecretId secret(fact.payload.identity().user_registered().password_secret_id());
    TRY(const auto phc, bootstrap.environment->secrets.password(secret));
    if (phc && crypto::verify_password(*phc, bootstrap.password)) return {};
  }
  return make_error(Code::idempotency_key_reused, "this key belongs to a bootstrap with another password", "password");
}

void go_on(const BootstrapPtr& bootstrap, const Committed& admin) {
  if (admin.repeated)
    if (const Status same = check_repeat(*bootstrap, admin); !same) return bootstrap->responder(problem(same.error()));
  const auto workspace = reserved_workspace(admin.commit);
  if (!workspace) return bootstrap->responder(problem(make_error(Code::internal, "the commit reserves no workspace")));
  finish_workspace(*bootstrap->environment, *workspace, [bootstrap, admin, workspace = *workspace](Result<Committed> created) {
    if (!created) return bootstrap->responder(command_problem(created.error(), bootstrap->context));
    welcome(bootstrap, admin, workspace, *created);
  });
}

// On the password pool.
void hash_and_run(const BootstrapPtr& bootstrap) {
  Environment& environment = *bootstrap->environment;
  bootstrap->command.password_secret = SecretId("sec_" + crypto::random_uuid_hex());
  const Status stored = environment.secrets.put_password(bootstrap->command.password_secret, crypto::hash_password(bootstrap->password));
  if (!stored) return bootstrap->responder(problem(stored.error()));
  producers::Command run{bootstrap->context, producers::commands::bootstrap_admin(bootstrap->command), {}};
  environment.commands.run(std::move(run), [&environment, bootstrap](Result<Committed> admin) {
    if (!admin) return bootstrap->responder(command_problem(admin.error(), bootstrap->context));
    const bool taken = environment.passwords.post([bootstrap, admin = *std::move(admin)] { go_on(bootstrap, admin); });
    if (!taken) bootstrap->responder(problem(make_error(Code::overloaded, "the server has no room; send the request again")));
  });
}

void run(CallPtr call, http::Responder responder) {
  Environment& environment = *call->environment;
  auto bootstrap = std::make_shared<Bootstrap>();
  bootstrap->environment = &environment;
  bootstrap->responder = responder;
  auto key = request_key(call->request);
  if (!key) return responder(problem(key.error()));
  bootstrap->key = *key;
  if (const Status body = read_body(call->request, *bootstrap); !body) return responder(problem(body.error()));
  bootstrap->command.login_stream = events::login_stream(bootstrap->command.login, environment.name_key);
  call->access.principal.id = "bootstrap";
  bootstrap->context = command_context(*call, identity_domain(), *key, fingerprint(*bootstrap));
  bootstrap->context.actor.set_id(events::derive_id<UserId>(bootstrap->context.commit_id).str());

  auto state = environment.database.read_one(kStateSql, postgres::Params().text(bootstrap->context.commit_id.str()));
  if (!state) return responder(problem(state.error()));
  const bool has_admin = state->front().boolean(0);
  const bool is_repeat = state->front().boolean(1);
  // Before the slow hash: nobody keeps a server busy with this once it has its admin.
  if (has_admin && !is_repeat) return responder(problem(make_error(Code::already_exists, "this server has its admin: sign in instead")));
  if (!environment.passwords.post([bootstrap] { hash_and_run(bootstrap); }))
    responder(problem(make_error(Code::overloaded, "the server has no room for this right now")));
}

}  // namespace

void add_bootstrap_route(std::vector<Route>& routes) {
  routes.push_back({.method = "POST",
                    .path = "/v1/bootstrap",
                    .operation = "bootstrap",
                    .summary = "Make the first admin and a workspace; once for a server",
                    .auth = Auth::none,
                    .status = 201,
                    .request = &bootstrap_schema(),
                    .response = &bootstrapped_schema(),
                    .answer = Custom{run}});
}

}  // namespace dossier::api
