// The application behind the HTTP server: finds the route, checks who asks, and lets the route answer. Also without a
// server: handle() takes plain values, so tests need no socket.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "api/admission.hpp"
#include "api/commanding.hpp"
#include "api/environment.hpp"
#include "api/freshness.hpp"
#include "api/http/message.hpp"
#include "api/reading.hpp"
#include "api/router.hpp"
#include "base/histogram.hpp"

namespace dossier::api {

// Thread-safe. Must outlive every request in flight; so must its environment. Adds its numbers to environment.metrics.
class Application final : public http::Handler {
 public:
  explicit Application(Environment environment, Reading::Options options = {});

  http::BodyPlan plan(const http::Request& head) override;
  void handle(http::Request request, http::Responder responder) override;
  Opened open(const http::Request& head) override;
  http::Response refuse(const Error& error) override;

 private:
  struct RouteStats {
    std::array<std::atomic<std::uint64_t>, 6> by_class{};  // 1xx … 5xx; 0: none of them
    Histogram latency;
  };
  // The route's call, or what is wrong with the request.
  Result<CallPtr> make_call(http::Request request, const Router::Match& match);
  void answer(const CallPtr& call, const http::Responder& responder);
  void admitted(const CallPtr& call, const http::Responder& responder);
  http::Responder counted(const Route* route, http::Responder responder);
  void describe(MetricsText& out) const;

  Environment environment_;
  const Router router_;
  std::vector<std::unique_ptr<RouteStats>> stats_;  // one a route, the last for what has none
  Freshness freshness_;
  Reading reading_;
  Admission admission_;
  Commanding commanding_;
};

}  // namespace dossier::api
