// /v1/auth/sign-in, /v1/auth/sign-out, /v1/me. (/v1/bootstrap: bootstrap.cpp)
#include "api/access.hpp"
#include "api/auth_session.hpp"
#include "api/body.hpp"
#include "api/bootstrap.hpp"
#include "api/json_object.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "api/sign_in_limiter.hpp"
#include "events/identity.hpp"
#include "events/names.hpp"
#include "producers/commands/identity.hpp"

namespace dossier::api::auth {
namespace {

constexpr std::size_t kMaxLoginBytes = 64;
constexpr std::size_t kMaxPasswordBytes = 256;
constexpr std::int64_t kMaxWorkspaces = 500;  // shown by /v1/me; all of them by /v1/workspaces

// $1 the login's stream.
constexpr std::string_view kByLoginSql = R"(
SELECT u.id, COALESCE(u.login_json, 'null'), COALESCE(u.display_name_json, 'null'), COALESCE(u.admin, false), p.phc
FROM names n
JOIN users u ON u.id = n.owner AND u.workspace = 'identity' AND u.created_us IS NOT NULL
JOIN dossier.password_hashes p ON p.secret_id = u.password_secret_id
WHERE n.stream = $1 AND n.workspace = 'identity')";
// $1 the token.
constexpr std::string_view kMeSql = R"(
SELECT u.id, COALESCE(u.login_json, 'null'), COALESCE(u.display_name_json, 'null'), COALESCE(u.admin, false)
FROM dossier.token_hashes t JOIN users u ON u.id = t.subject AND u.workspace = 'identity'
WHERE t.sha256 = $1 AND u.created_us IS NOT NULL)";
constexpr std::string_view kMyWorkspacesSql = R"(
SELECT w.id, COALESCE(w.slug, ''), COALESCE(w.name_json, 'null'), m.role
FROM dossier.token_hashes t
JOIN members m ON m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
JOIN workspaces w ON w.id = m.workspace AND w.created_us IS NOT NULL
WHERE t.sha256 = $1 ORDER BY w.created_us, w.id LIMIT $2)";

const Schema& sign_in_schema() {
  static const Schema schema{
      "SignIn", {{"login", FieldType::string, true, {}, R"("ada")"}, {"password", FieldType::string, true, {}, R"("correct horse battery staple")"}}};
  return schema;
}
const Schema& signed_in_schema() {
  static const Schema schema{"SignedIn",
                             {{"token", FieldType::string, true, "dst_…: send it as Authorization: Bearer <token>"},
                              {"expires_at", FieldType::string, true, "RFC 3339"},
                              {"user", FieldType::object, true, {}}}};
  return schema;
}
const Schema& me_schema() {
  static const Schema schema{"Me",
                             {{"user", FieldType::object, true, {}},
                              {"workspaces", FieldType::array, true, "id, slug, name and your role in each"},
                              {"seq", FieldType::integer, true, "of the identity domain"}}};
  return schema;
}

SignInLimiter& limiter() {
  static SignInLimiter one;  // of the process: it guards logins, not requests
  return one;
}

// A hash of nobody's password, so that an unknown login takes as long as a known one.
const std::string& nobodys_hash() {
  static const std::string hash = crypto::hash_password(crypto::random_bytes(32));
  return hash;
}

struct Credentials {
  std::string login;
  std::string password;
};

Result<Credentials> read_credentials(const http::Request& request) {
  TRY(const json::Value body, parse_body(request));
  json::ObjectReader reader(body);
  Credentials credentials;
  credentials.login = reader.required_string("login", kMaxLoginBytes);
  credentials.password = reader.required_string("password", kMaxPasswordBytes);
  TRY_STATUS(reader.finish());
  return credentials;
}

struct Found {
  User user;
  std::string phc;
};
Result<std::optional<Found>> find_user(Environment& environment, const std::string& login) {
  TRY(const auto rows, environment.database.read_one(kByLoginSql, postgres::Params().text(events::login_stream(login, environment.name_key))));
  if (rows.empty()) return std::optional<Found>();
  const postgres::Row row = rows.front();
  return std::optional<Found>(Found{{row.str(0), row.str(1), row.str(2), row.boolean(3)}, row.str(4)});
}

http::Response signed_in(const OpenedSession& session, const User& user) {
  http::Response response;
  response.status = 201;
  response.body = std::move(JsonObject()
                                .text("token", session.token)
                                .raw("expires_at", time_json(session.expires_us))
                                .raw("user", user_json(user))
                                .text("commit_id", session.committed.commit.id.str())
                                .number("seq", static_cast<std::int64_t>(session.committed.commit.seq)))
                      .finish();
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  response.set("Dossier-Seq", std::to_string(session.committed.commit.seq));
  return response;
}

void sign_in(CallPtr call, http::Responder responder) {
  Environment& environment = *call->environment;
  auto credentials = read_credentials(call->request);
  if (!credentials) return responder(problem(credentials.error()));
  if (const std::int64_t wait = limiter().take(credentials->login, environment.clock.boot_us()); wait > 0) {
    Error error = make_error(Code::too_many_requests, "too many tries for this login");
    error.retry_after_ms = wait / 1'000;
    return responder(problem(error));
  }
  auto found = find_user(environment, credentials->login);
  if (!found) return responder(problem(found.error()));
  const bool taken = environment.passwords.post([&environment, credentials = *credentials, found = *found, responder] {
    const bool fits = crypto::verify_password(found ? found->phc : nobodys_hash(), credentials.password);
    if (!found || !fits) return responder(problem(make_error(Code::unauthenticated, "the login or the password is wrong")));
    limiter().forgive(credentials.login);
    open_session(environment, UserId(found->user.id), [user = found->user, responder](Result<OpenedSession> session) {
      responder(session ? signed_in(*session, user) : problem(session.error()));
    });
  });
  if (!taken) responder(problem(make_error(Code::overloaded, "too many people sign in right now")));
}

Result<Prepared> prepare_sign_out(const Call& call, const CommitId&) {
  const UserId user(call.access.principal.id);
  Prepared prepared;
  prepared.hot_stream = events::user_stream(user);
  prepared.decide = producers::commands::revoke_auth_session(user, call.access.principal.token);
  return prepared;
}
Result<Reply> render_sign_out(const Call&, const producers::Committed&) { return Reply{}; }

Result<std::vector<postgres::Statement>> plan_me(const Call& call) {
  TRY(const crypto::Hash token, bearer_token(call.request));
  std::vector<postgres::Statement> statements(2);
  statements[0].sql = kMeSql;
  statements[0].params.bytes(crypto::view(token));
  statements[1].sql = kMyWorkspacesSql;
  statements[1].params.bytes(crypto::view(token)).int8(kMaxWorkspaces);
  return statements;
}

Result<Reply> render_me(const Call& call, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::unauthenticated, "the user of this token is gone");
  const postgres::Row user = rows[0].front();
  std::vector<std::string> workspaces;
  for (const postgres::Row row : rows[1])
    workspaces.push_back(
        std::move(JsonObject().text("id", row.text(0)).text("slug", row.text(1)).raw("name", row.text(2)).text("role", row.text(3))).finish());
  Reply reply;
  reply.body = std::move(JsonObject()
                             .raw("user", user_json({user.str(0), user.str(1), user.str(2), user.boolean(3)}))
                             .raw("workspaces", json_array(workspaces))
                             .number("seq", static_cast<std::int64_t>(call.access.seq)))
                   .finish();
  return reply;
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  add_bootstrap_route(routes);
  routes.push_back({.method = "POST",
                    .path = "/v1/auth/sign-in",
                    .operation = "signIn",
                    .summary = "Sign in; every call opens a session of its own",
                    .auth = Auth::none,
                    .status = 201,
                    .request = &sign_in_schema(),
                    .response = &signed_in_schema(),
                    .answer = Custom{sign_in}});
  routes.push_back({.method = "POST",
                    .path = "/v1/auth/sign-out",
                    .operation = "signOut",
                    .summary = "Revoke the token of this request",
                    .scope = Scope::identity,
                    .status = 204,
                    .answer = Command{prepare_sign_out, render_sign_out}});
  routes.push_back({.method = "GET",
                    .path = "/v1/me",
                    .operation = "getMe",
                    .summary = "Who you are, and your workspaces",
                    .scope = Scope::identity,
                    .response = &me_schema(),
                    .answer = Read{plan_me, render_me, nullptr, true}});
}

}  // namespace dossier::api::auth
