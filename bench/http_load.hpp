// A load generator for HTTP/1.1: many keep-alive connections on loopback from one thread, one request in flight on each.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace dossier::bench {

struct HttpLoad {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  int connections = 1;
  std::int64_t requests = 0;     // in all, unless duration_ms ends it first
  std::int64_t duration_ms = 0;  // 0: no limit but `requests`
  // The whole request, head and body, for the n-th one.
  std::function<std::string(std::int64_t n)> make_request;
};

struct HttpLoadResult {
  std::int64_t answered = 0;  // 2xx and 304
  std::int64_t refused = 0;   // any other status
  std::string first_refusal;  // its head and body
  double seconds = 0;
  std::vector<double> latencies_ms;  // of the answered ones
};

// io: a connection broke or nothing came for 30 s.
Result<HttpLoadResult> run_load(const HttpLoad& load);

// "<method> <target> HTTP/1.1" with host, token, and for a body its type and length.
std::string http_request(std::string_view method, std::string_view target, std::string_view token, std::string_view body = {});

}  // namespace dossier::bench
