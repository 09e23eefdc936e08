// From a request to its route's answer.
#include "api/application.hpp"

#include <algorithm>

#include "api/access.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "base/encoding.hpp"

namespace dossier::api {
namespace {

constexpr std::uint64_t kMaxBodyBytes = 1u << 20;

std::size_t index_of(const Route* route) { return route == nullptr ? routes().size() : static_cast<std::size_t>(route - routes().data()); }

bool is_known(const Route& route, std::string_view parameter) {
  if (parameter == "after" && std::holds_alternative<Read>(route.answer)) return true;
  return std::any_of(route.query.begin(), route.query.end(), [&](const Parameter& known) { return known.name == parameter; });
}

http::Response unrouted(const http::Request& request, const Router::Match& match) {
  if (match.allow.empty()) return problem(make_error(Code::not_found, "there is nothing at " + request.path));
  http::Response response;
  if (request.method == "OPTIONS")
    response.status = 204;
  else
    response = problem(make_error(Code::method_not_allowed, "this takes " + match.allow));
  response.set("Allow", match.allow);
  return response;
}

}  // namespace

Application::Application(Environment environment, Reading::Options options)
    : environment_(std::move(environment)),
      router_(routes()),
      freshness_(environment_.database),
      reading_(environment_, freshness_, options),
      admission_(environment_),
      commanding_(environment_, reading_) {
  for (std::size_t i = 0; i <= routes().size(); ++i) stats_.push_back(std::make_unique<RouteStats>());
  environment_.metrics.add([this](MetricsText& out) { describe(out); });
}

http::BodyPlan Application::plan(const http::Request& head) {
  const Router::Match match = router_.find(head.method, head.path);
  const Upload* upload = match.route == nullptr ? nullptr : std::get_if<Upload>(&match.route->answer);
  if (upload != nullptr) return {.max_bytes = upload->max_bytes, .streamed = true};
  return {.max_bytes = kMaxBodyBytes, .streamed = false};
}

http::Response Application::refuse(const Error& error) { return problem(error); }

Result<CallPtr> Application::make_call(http::Request request, const Router::Match& match) {
  for (const auto& [name, value] : request.query)
    if (!is_known(*match.route, name)) return make_error(Code::unknown_field, "is no parameter of this resource", name);
  for (const auto& [name, value] : request.headers)
    if (!is_utf8(value)) return make_error(Code::invalid_field, "must be UTF-8", name);
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->path = match.path;
  call->route = match.route;
  call->environment = &environment_;
  return call;
}

void Application::handle(http::Request request, http::Responder responder) {
  const Router::Match match = router_.find(request.method, request.path);
  const http::Responder respond = counted(match.route, std::move(responder));
  if (match.route == nullptr) return respond(unrouted(request, match));
  auto call = make_call(std::move(request), match);
  if (!call) return respond(problem(call.error()));
  answer(*call, respond);
}

void Application::answer(const CallPtr& call, const http::Responder& responder) {
  if (call->route->auth == Auth::none) return admitted(call, responder);
  const auto token = bearer_token(call->request);
  if (!token) return responder(problem(token.error()));
  if (std::holds_alternative<Read>(call->route->answer)) return reading_.answer(call, *token, responder);
  if (const Status status = admission_.admit(call, *token); !status) return responder(problem(status.error()));
  admitted(call, responder);
}

void Application::admitted(const CallPtr& call, const http::Responder& responder) {
  if (std::holds_alternative<Command>(call->route->answer)) return commanding_.answer(call, responder);
  if (const Custom* custom = std::get_if<Custom>(&call->route->answer)) return custom->run(call, responder);
  responder(problem(make_error(Code::internal, "a streamed body came whole")));
}

// On a pool thread: a streamed body's access is settled before its first byte.
http::Handler::Opened Application::open(const http::Request& head) {
  Opened opened;
  const auto refusal = [&](const Error& error) {
    opened.refusal = problem(error);
    stats_[index_of(nullptr)]->by_class[static_cast<std::size_t>(opened.refusal.status / 100)].fetch_add(1, std::memory_order_relaxed);
  };
  const Router::Match match = router_.find(head.method, head.path);
  CHECK(match.route != nullptr);
  auto call = make_call(head, match);
  const auto token = bearer_token(head);
  if (!call) {
    refusal(call.error());
  } else if (!token) {
    refusal(token.error());
  } else if (const Status status = admission_.admit(*call, *token); !status) {
    refusal(status.error());
  } else if (auto sink = std::get<Upload>(match.route->answer).open(*call); !sink) {
    refusal(sink.error());
  } else {
    opened.sink = *std::move(sink);
    stats_[index_of(match.route)]->by_class[2].fetch_add(1, std::memory_order_relaxed);
  }
  return opened;
}

http::Responder Application::counted(const Route* route, http::Responder responder) {
  RouteStats* stats = stats_[index_of(route)].get();
  const std::int64_t start = environment_.clock.boot_us();
  return [this, stats, start, responder = std::move(responder)](http::Response response) {
    const auto kind = static_cast<std::size_t>(response.status / 100);
    stats->by_class[kind < stats->by_class.size() ? kind : 0].fetch_add(1, std::memory_order_relaxed);
    stats->latency.observe(environment_.clock.boot_us() - start);
    responder(std::move(response));
  };
}

void Application::describe(MetricsText& out) const {
  for (std::size_t i = 0; i < stats_.size(); ++i) {
    const Route* route = i < routes().size() ? &routes()[i] : nullptr;
    const std::string labels =
        metrics_label("method", route == nullptr ? "other" : route->method) + "," + metrics_label("route", route == nullptr ? "none" : route->path);
    std::uint64_t sum = 0;
    for (std::size_t kind = 0; kind < stats_[i]->by_class.size(); ++kind) {
      const std::uint64_t count = stats_[i]->by_class[kind].load(std::memory_order_relaxed);
      sum += count;
      if (count > 0)
        out.counter("dossier_http_requests_total", "Requests by route and status.", count, labels + ",status=\"" + std::to_string(kind) + "xx\"");
    }
    if (sum > 0) out.histogram("dossier_http_request_seconds", "From a handler's start to its answer.", stats_[i]->latency, labels);
  }
  out.counter("dossier_read_cache_hits_total", "GETs answered from memory after a check of their seq.", reading_.cache_hits());
  out.counter("dossier_read_cache_misses_total", "GETs that read the database.", reading_.cache_misses());
}

}  // namespace dossier::api
