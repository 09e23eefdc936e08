// The one way from a GET to its reply.
#include "api/reading.hpp"

#include <algorithm>

#include "api/access.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"

namespace dossier::api {
namespace {

std::string tag_of(std::int64_t generation, std::uint64_t seq) { return "W/\"" + std::to_string(generation) + "-" + std::to_string(seq) + "\""; }

// RFC 9110, 13.1.2: weak comparison with each tag of the list.
bool matches(const http::Request& request, std::string_view tag) {
  const std::string* header = request.header("if-none-match");
  if (header == nullptr) return false;
  if (*header == "*") return true;
  const std::string_view opaque = tag.substr(2);
  for (std::size_t at = header->find(opaque); at != std::string::npos; at = header->find(opaque, at + 1)) return true;
  return false;
}

std::string key_of(const Call& call, const crypto::Hash& token) {
  std::string key(crypto::view(token));
  key += call.request.path;
  for (const auto& [name, value] : call.request.query)
    if (name != "after") key.append(1, '\0').append(name).append(1, '\0').append(value);
  return key;
}

http::Response not_modified(const http::Response& full) {
  http::Response response;
  response.status = 304;
  for (const auto& header : full.headers)
    if (header.first != "Content-Type") response.headers.push_back(header);
  return response;
}

// The reply with the headers that say what moment it is of.
http::Response respond(const Call& call, const Access& access, bool is_volatile, Reply reply) {
  http::Response response;
  response.status = reply.status != 0 ? reply.status : call.route->status;
  response.headers = std::move(reply.headers);
  response.body = std::move(reply.body);
  response.set("Content-Type", std::string(call.route->response_type));
  if (access.workspace.empty()) return response;
  response.set("Dossier-Seq", std::to_string(access.seq));
  if (is_volatile) {
    response.set("Cache-Control", "no-store");
    return response;
  }
  response.set("ETag", tag_of(access.generation, access.seq));
  response.set("Cache-Control", "private, no-cache");
  return response;
}

}  // namespace

void Reading::answer(const CallPtr& call, const crypto::Hash& token, const http::Responder& responder) {
  const Read& read_route = std::get<Read>(call->route->answer);
  auto pending = std::make_shared<Pending>();
  pending->call = call;
  pending->token = token;
  pending->responder = responder;
  pending->pause_us = options_.after_pause_us;
  auto after = integer_parameter(*call, "after", 0, INT64_MAX);
  if (!after) return responder(problem(after.error()));
  pending->after = static_cast<std::uint64_t>(after->value_or(0));
  pending->deadline_us = environment_.clock.boot_us() + options_.after_wait_us;
  if (!read_route.is_volatile && options_.cache_bytes > 0) pending->cache_key = key_of(*call, token);

  // A client that wants no reply from memory says so (RFC 9111, 5.2.1.4).
  const std::string* control = call->request.header("cache-control");
  const bool bypass = pending->cache_key.empty() || (control != nullptr && control->find("no-cache") != std::string::npos);
  auto cached = bypass ? nullptr : cache_.find(pending->cache_key);
  if (cached == nullptr) return read(pending);
  freshness_.check({"identity", cached->workspace}, [this, pending, cached](const Result<std::shared_ptr<const Heads>>& heads) {
    if (!heads) return pending->responder(problem(heads.error()));
    if (!is_current(*cached, **heads) || cached->seq < pending->after) return read(pending);
    hits_.fetch_add(1, std::memory_order_relaxed);
    const std::string* tag = cached->response.header("ETag");
    if (tag != nullptr && matches(pending->call->request, *tag)) return pending->responder(not_modified(cached->response));
    pending->responder(cached->response);
  });
}

bool Reading::is_current(const CachedReply& cached, const Heads& heads) const {
  const bool expired = cached.expires_us != 0 && cached.expires_us <= environment_.clock.wall_us();
  return !expired && cached.generation == heads.generation && cached.identity_seq == heads.seq("identity") &&
         cached.seq == heads.seq(cached.workspace);
}

// Rows of access and data in one round trip, or access first and then the journey to `at`.
Result<Reply> Reading::fetch(Pending& pending) {
  Call& call = *pending.call;
  const Read& route = std::get<Read>(call.route->answer);
  const std::string* at = route.travel == nullptr ? nullptr : call.request.parameter("at");
  TRY(auto statements, access_statements(call, pending.token));
  if (at != nullptr) {
    TRY(postgres::ReadTransaction snapshot, environment_.database.read());
    TRY(const auto rows, snapshot.query_all(std::span<const postgres::Statement>(statements)));
    TRY(call.access, admit(call, rows, environment_.clock.wall_us()));
    if (call.access.seq < pending.after) return make_error(Code::projection_behind, {});
    return route.travel(call, snapshot, *at);
  }
  TRY(auto data, route.plan(call));
  for (auto& statement : data) statements.push_back(std::move(statement));
  TRY(const auto rows, environment_.database.read_all(statements));
  const std::span<const postgres::ResultSet> all(rows);
  TRY(call.access, admit(call, all.first(kAccessStatements), environment_.clock.wall_us()));
  if (call.access.seq < pending.after) return make_error(Code::projection_behind, {});
  return route.render(call, all.subspan(kAccessStatements));
}

void Reading::read(const PendingPtr& pending) {
  const Call& call = *pending->call;
  const bool is_volatile = std::get<Read>(call.route->answer).is_volatile;
  misses_.fetch_add(1, std::memory_order_relaxed);
  auto reply = fetch(*pending);
  if (!reply) {
    if (reply.error().code == Code::projection_behind) return wait(pending);
    return pending->responder(problem(reply.error()));
  }
  http::Response response = respond(call, call.access, is_volatile, *std::move(reply));
  if (!pending->cache_key.empty() && response.status == 200) keep(*pending, response);
  const std::string* tag = response.header("ETag");
  if (response.status == 200 && tag != nullptr && matches(call.request, *tag)) response = not_modified(response);
  pending->responder(std::move(response));
}

void Reading::keep(const Pending& pending, const http::Response& response) {
  const Access& access = pending.call->access;
  auto kept = std::make_shared<CachedReply>();
  kept->response = response;
  kept->workspace = access.workspace;
  kept->seq = access.seq;
  kept->identity_seq = access.identity_seq;
  kept->generation = access.generation;
  kept->expires_us = access.principal.expires_us;
  cache_.put(pending.cache_key, std::move(kept));
}

// Not there yet: looks again after a pause, holding no thread, until the deadline.
void Reading::wait(const PendingPtr& pending) {
  Error behind = make_error(Code::projection_behind, "the workspace has not reached seq " + std::to_string(pending->after) + " yet", "after");
  if (environment_.clock.boot_us() >= pending->deadline_us) return pending->responder(problem(behind));
  const std::int64_t pause = pending->pause_us;
  pending->pause_us = std::min(2 * pause, kMaxAfterPauseUs);
  if (!environment_.executor.post_after(pause, [this, pending] { read(pending); }))
    pending->responder(problem(make_error(Code::shutting_down, "the server is stopping")));
}

void Reading::show(const CallPtr& call, const Read& read, std::uint64_t seq, std::function<void(Result<Reply>)> done) {
  const bool posted = environment_.executor.post([this, call, &read, seq, done] {
    auto statements = read.plan(*call);
    if (!statements) return done(statements.error());
    auto rows = environment_.database.read_all(*statements);
    if (!rows) return done(rows.error());
    call->access.seq = std::max(call->access.seq, seq);
    done(read.render(*call, *rows));
  });
  if (!posted) done(make_error(Code::overloaded, "the server has no room; the request was carried out, read the resource"));
}

}  // namespace dossier::api
