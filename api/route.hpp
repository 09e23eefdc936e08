// One row of the route table: how a request is recognised, what it may hold, who may send it, and what answers it.
// Routing and the OpenAPI document both come from it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/environment.hpp"
#include "api/http/message.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/json/json.hpp"
#include "platform/postgres/connection.hpp"
#include "producers/command.hpp"

namespace dossier::api {

// ---- what a route says of itself

enum class FieldType : std::uint8_t { string, integer, boolean, strings, object, array };

struct Field {
  std::string_view name;
  FieldType type = FieldType::string;
  bool required = false;
  std::string_view description = {};
  std::string_view example = {};  // JSON text
  bool nullable = false;          // of responses
};
// A JSON object. Named ones become components of the document.
struct Schema {
  std::string_view name;
  std::vector<Field> fields = {};
};
struct Parameter {
  std::string_view name;
  std::string_view description;
  FieldType type = FieldType::string;
};

// Who may call.
enum class Auth : std::uint8_t { none, user, worker, either };

// What decides which workspace a request is about, and so who sees it. Users outside of it get 404.
enum class Scope : std::uint8_t {
  none,       // nobody's
  identity,   // the user's own
  workspace,  // {ws} in the path
  project,    // {id} in the path, as the ones below
  issue,
  session,
  task,
  token_workspace,  // the workspace of the worker token
};

// ---- what a request is by the time a resource sees it

struct Principal {
  enum class Kind : std::uint8_t { nobody, user, worker };
  Kind kind = Kind::nobody;
  std::string id;         // usr_…; of a worker its Dossier-Worker header, or "" before it registered
  std::string workspace;  // of a worker token
  SecretId token;
  std::int64_t expires_us = 0;  // 0 = never
};

// What one snapshot said about the caller and the workspace.
struct Access {
  Principal principal;
  std::string workspace;           // "identity" for the scope of that name, "" for none
  std::string role;                // of the user in it
  std::uint64_t seq = 0;           // of the workspace
  std::uint64_t identity_seq = 0;  // of the domain of tokens
  std::int64_t generation = 0;
};

struct Route;

struct Call {
  http::Request request;
  std::string key;                                             // of a command: its Idempotency-Key, the client's or one made here
  std::vector<std::pair<std::string_view, std::string>> path;  // {ws}, {id}, …: decoded
  const Route* route = nullptr;
  Environment* environment = nullptr;
  Access access;  // set once the request was admitted
  // Of a command that was let in on what is remembered of its caller: what its own read must find unchanged.
  std::optional<producers::Premise> premise;

  const std::string& path_value(std::string_view name) const;
};
using CallPtr = std::shared_ptr<Call>;

struct Reply {
  int status = 0;  // 0: the route's
  std::string body;
  http::Headers headers;
};

// ---- what answers it

// A read: statements that run behind those of authentication, in the same snapshot and round trip; their rows become
// the reply. Pure but for the database.
struct Read {
  Result<std::vector<postgres::Statement>> (*plan)(const Call& call);
  Result<Reply> (*render)(const Call& call, std::span<const postgres::ResultSet> rows);
  // Where the request has `at`: the reply as of that moment, in the same snapshot.
  Result<Reply> (*travel)(const Call& call, postgres::ReadTransaction& snapshot, std::string_view at) = nullptr;
  bool is_volatile = false;  // shows what no seq counts (liveness, activity): neither cached nor tagged
};

// A command: parsed strictly into a decision; its answer is made of the accepted commit.
struct Prepared {
  producers::Decide decide;
  std::string hot_stream;
  std::optional<v1::Actor> actor;  // where it is not the user
  std::string fingerprint;         // what the request asks, where that is not its body (secrets must stay out)
};
struct Command {
  Result<Prepared> (*prepare)(const Call& call, const CommitId& commit_id);
  // On the thread that brings the verdict: no I/O. nullptr: always `show`.
  Result<Reply> (*render)(const Call& call, const producers::Committed& committed) = nullptr;
  // Where the commit alone does not say the whole resource: true, after it put what the read needs into call.path.
  bool (*shows)(Call& call, const producers::Committed& committed) = nullptr;
  const Read* show = nullptr;
};

// Anything else. Runs on a pool thread, admitted; answers once, now or later.
struct Custom {
  void (*run)(CallPtr call, http::Responder responder);
};

// A body that is streamed in.
struct Upload {
  std::uint64_t max_bytes;
  Result<std::unique_ptr<http::BodySink>> (*open)(CallPtr call);
};

struct Route {
  std::string_view method;
  std::string_view path;       // "/v1/issues/{id}"
  std::string_view operation;  // "getIssue"
  std::string_view summary;
  Auth auth = Auth::user;
  Scope scope = Scope::none;
  std::string_view least_role = {};  // checked before the answer; decisions check again, in their own snapshot
  int status = 200;                  // of success
  const Schema* request = nullptr;
  const Schema* response = nullptr;
  bool lists = false;  // the response is a page of these
  std::vector<Parameter> query = {};
  std::string_view response_type = "application/json";
  std::variant<Read, Command, Custom, Upload> answer;
};

}  // namespace dossier::api
