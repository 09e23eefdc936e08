// /v1/projects/{id}/secrets
//
// A value is sealed here, before it is stored, and opened here for workers; it is in no event, no fingerprint and no other answer.
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/names.hpp"
#include "events/project.hpp"
#include "producers/commands/workspace.hpp"

namespace dossier::api::project_secrets {
namespace {

using Kind = v1::ProjectSecretSet::Kind;

constexpr std::size_t kMaxUsernameBytes = 200;
constexpr std::size_t kMinValueBytes = 8;  // as masking::kMinSecret: what is shorter can't be masked
constexpr std::size_t kMaxValueBytes = 4'096;
constexpr std::size_t kMaxKeyBytes = 16'384;  // an RSA key of 16,384 bits has 12,700
constexpr std::size_t kMaxHostKeyBytes = 100;

// $1 the project, $2 and $3 of the page.
constexpr std::string_view kListSql = R"(
SELECT secret_id, kind, name, COALESCE(set_by, ''), set_us, COALESCE(seq, 0)
FROM project_secrets
WHERE project_id = $1 AND set_us IS NOT NULL AND removed IS NOT TRUE AND name > $2
ORDER BY name LIMIT $3)";
constexpr std::string_view kValuesSql = R"(
SELECT s.secret_id, s.kind, s.name, v.sealed, v.secret_id IS NOT NULL
FROM project_secrets s
LEFT JOIN dossier.project_secrets v ON v.secret_id = s.secret_id
WHERE s.project_id = $1 AND s.set_us IS NOT NULL AND s.removed IS NOT TRUE
ORDER BY s.name)";

const Schema& secret_schema() {
  static const Schema schema{"ProjectSecret",
                             {{"id", FieldType::string, true, "sec_…"},
                              {"kind", FieldType::string, true, "git_https, git_ssh or value"},
                              {"name", FieldType::string, true, "unique in the project; of credentials for git their kind"},
                              {"set_by", FieldType::string, true, "usr_…"},
                              {"set_at", FieldType::string, true, "RFC 3339"},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& new_secret_schema() {
  static const Schema schema{
      "SetProjectSecret",
      {{"kind", FieldType::string, true, "git_https (username, password), git_ssh (private_key, passphrase, host_key) or value (name, value)",
        R"("git_https")"},
       {"name", FieldType::string, false, "of a value: letters, digits and _"},
       {"username", FieldType::string, false, "of git_https; some hosts take any beside a token", R"("dossier")"},
       {"password", FieldType::string, false, "of git_https: a password or token, 8 to 4096 bytes", R"("correct horse battery staple")"},
       {"private_key", FieldType::string, false, "of git_ssh: as OpenSSH or PEM text"},
       {"passphrase", FieldType::string, false, "of git_ssh: the key's"},
       {"host_key", FieldType::string, false, "of git_ssh: SHA256:…, as ssh-keygen -l prints it; else the worker's known_hosts decide"},
       {"value", FieldType::string, false, "of a value: 8 to 4096 bytes"}}};
  return schema;
}
const Schema& values_schema() {
  static const Schema schema{"ProjectSecretValues", {{"secrets", FieldType::array, true, "id, kind, name, and value: an object with what was set"}}};
  return schema;
}

std::string secret_json(std::string_view id, std::string_view kind, std::string_view name, std::string_view by, std::int64_t us, std::int64_t seq) {
  return std::move(
             JsonObject().text("id", id).text("kind", kind).text("name", name).text("set_by", by).raw("set_at", time_json(us)).number("seq", seq))
      .finish();
}

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kListSql;
  statements[0].params.text(call.path_value("id")).text(page.text).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(secret_json(row.text(0), row.text(1), row.text(2), row.text(3), row.int64(4), row.int64(5)), 0, row.text(2))) break;
  return std::move(list).finish(call.access.seq);
}

// A row that was moved to another project, workspace or secret can't be opened there.
std::string place_of(const Call& call, std::string_view secret_id) {
  return "dossier.project-secret.v1:" + call.access.workspace + ":" + call.path_value("id") + ":" + std::string(secret_id);
}

Result<std::vector<postgres::Statement>> plan_values(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kValuesSql;
  statements[0].params.text(call.path_value("id"));
  return statements;
}

Result<Reply> render_values(const Call& call, std::span<const postgres::ResultSet> rows) {
  std::vector<std::string> secrets;
  for (const postgres::Row row : rows[0]) {
    const auto value = row.boolean(4) ? crypto::unseal(call.environment->seal_key, row.str(3), place_of(call, row.text(0))) : std::nullopt;
    // Without it nobody could mask it either: no run begins.
    if (!value)
      return make_error(Code::corrupt, "the project's secret " + row.str(2) + " can't be opened: the server's key file is another one than when it " +
                                           "was set, or its row is lost; set it again");
    secrets.push_back(
        std::move(JsonObject().text("id", row.text(0)).text("kind", row.text(1)).text("name", row.text(2)).raw("value", *value)).finish());
  }
  Reply reply;
  reply.body = std::move(JsonObject().raw("secrets", json_array(secrets))).finish();
  return reply;
}

struct Given {
  Kind kind = v1::ProjectSecretSet::KIND_UNSPECIFIED;
  std::string name;
  std::string value;  // JSON, as workers get it
};

// Which members belong to a kind; the others are no fields of it.
Result<Given> read_given(const http::Request& request) {
  TRY(const json::Value body, parse_body(request));
  json::ObjectReader reader(body);
  Given given;
  const std::string kind = reader.required_string("kind", 20);
  JsonObject value;
  if (kind == "git_https") {
    given.kind = v1::ProjectSecretSet::GIT_HTTPS;
    value.text("username", reader.required_string("username", kMaxUsernameBytes));
    value.text("password", reader.required_string("password", kMaxValueBytes, kMinValueBytes));
  } else if (kind == "git_ssh") {
    given.kind = v1::ProjectSecretSet::GIT_SSH;
    const std::string key = reader.required_string("private_key", kMaxKeyBytes);
    const std::string passphrase = reader.optional_string("passphrase", kMaxValueBytes).value_or("");
    const std::string host_key = reader.optional_string("host_key", kMaxHostKeyBytes).value_or("");
    if (key.find("PRIVATE KEY-----") == std::string::npos) reader.fail("private_key", "must be a private key as OpenSSH or PEM text");
    if (!passphrase.empty() && passphrase.size() < kMinValueBytes) reader.fail("passphrase", "must be at least 8 bytes");
    if (!host_key.empty() && !host_key.starts_with("SHA256:")) reader.fail("host_key", "must be SHA256:…, as ssh-keygen -l prints it");
    value.text("private_key", key).text("passphrase", passphrase).text("host_key", host_key);
  } else if (kind == "value") {
    given.kind = v1::ProjectSecretSet::VALUE;
    given.name = reader.required_string("name", events::kMaxSecretNameBytes);
    value.text("value", reader.required_string("value", kMaxValueBytes, kMinValueBytes));
  } else if (!kind.empty()) {
    reader.fail("kind", "must be git_https, git_ssh or value");
  }
  TRY_STATUS(reader.finish());
  if (given.kind != v1::ProjectSecretSet::VALUE) given.name = events::project_secret_kind(given.kind);
  given.value = std::move(value).finish();
  return given;
}

// Before the event that gives it force. A repeated request finds its own row: the value that it came with first is the one that counts.
Status store(const Call& call, const SecretId& id, const std::string& value) {
  producers::Secrets& secrets = call.environment->secrets;
  const std::string place = place_of(call, id.str());
  Status stored = secrets.put_project_secret(id, WorkspaceId(call.access.workspace), crypto::seal(call.environment->seal_key, value, place));
  if (stored || stored.error().code != Code::already_exists) return stored;
  TRY(const auto sealed, secrets.project_secret(id));
  const auto first = sealed ? crypto::unseal(call.environment->seal_key, *sealed, place) : std::nullopt;
  if (first && crypto::equal(*first, value)) return {};
  return make_error(Code::idempotency_key_reused, "this Idempotency-Key was used for another value; take a new key");
}

Result<Prepared> prepare_set(const Call& call, const CommitId& commit_id) {
  TRY(const Given given, read_given(call.request));
  producers::commands::SetProjectSecret command;
  command.project = ProjectId(call.path_value("id"));
  command.secret = events::derive_id<SecretId>(commit_id);
  command.kind = given.kind;
  command.name = given.name;
  TRY_STATUS(store(call, command.secret, given.value));
  Prepared prepared;
  prepared.hot_stream = events::project_stream(command.project);
  // Not of the value: a hash of one that can be guessed tells it.
  const std::string asked = "POST\n" + call.request.path + "\n" + std::string(events::project_secret_kind(given.kind)) + "\n" + given.name;
  prepared.fingerprint = std::string(crypto::view(crypto::sha256(asked)));
  prepared.decide = producers::commands::set_project_secret(std::move(command));
  return prepared;
}

Result<Reply> render_set(const Call&, const producers::Committed& committed) {
  const producers::AcceptedCommit& commit = committed.commit;
  const std::vector<Fact> facts = facts_of(commit);
  for (const Fact& fact : facts) {
    if (!fact.payload.project().has_project_secret_set()) continue;
    const v1::ProjectSecretSet& set = fact.payload.project().project_secret_set();
    Reply reply;
    reply.body = secret_json(set.secret_id(), events::project_secret_kind(set.kind()), set.name(), commit.commit.actor().id(), commit.time_us,
                             static_cast<std::int64_t>(commit.seq));
    return reply;
  }
  return make_error(Code::internal, "the commit holds no secret of a project");
}

Result<Prepared> prepare_remove(const Call& call, const CommitId&) {
  TRY(SecretId secret, SecretId::parse(call.path_value("secret"), "secret"));
  const ProjectId project(call.path_value("id"));
  Prepared prepared;
  prepared.hot_stream = events::project_stream(project);
  prepared.decide = producers::commands::remove_project_secret(project, std::move(secret));
  return prepared;
}

Result<Reply> render_remove(const Call&, const producers::Committed&) { return Reply{}; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/projects/{id}/secrets",
                    .operation = "listProjectSecrets",
                    .summary = "The project's secrets by name, without their values",
                    .scope = Scope::project,
                    .response = &secret_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/projects/{id}/secrets",
                    .operation = "setProjectSecret",
                    .summary = "Set credentials for the project's repository, or a value that is masked; replaces the one of the same name",
                    .scope = Scope::project,
                    .least_role = "admin",
                    .status = 201,
                    .request = &new_secret_schema(),
                    .response = &secret_schema(),
                    .answer = Command{prepare_set, render_set}});
  routes.push_back({.method = "DELETE",
                    .path = "/v1/projects/{id}/secrets/{secret}",
                    .operation = "removeProjectSecret",
                    .summary = "Remove a secret: workers get it no more, and its value is deleted",
                    .scope = Scope::project,
                    .least_role = "admin",
                    .status = 204,
                    .answer = Command{prepare_remove, render_remove}});
  routes.push_back({.method = "GET",
                    .path = "/v1/projects/{id}/secrets/values",
                    .operation = "getProjectSecretValues",
                    .summary = "For workers of the project's workspace: its secrets with their values, at the beginning of a run",
                    .auth = Auth::worker,
                    .scope = Scope::project,
                    .response = &values_schema(),
                    .answer = Read{plan_values, render_values, nullptr, true}});
}

}  // namespace dossier::api::project_secrets
