// GET an issue with 20 comments from our server, with its cache and without; and the one load generator for every server.
#include <cstdlib>

#include "bench/beside/beside.hpp"
#include "bench/workload.hpp"

namespace dossier::bench::beside {
namespace {

Result<Figures> load(std::int64_t port, const std::string& request, std::int64_t connections, std::int64_t requests) {
  HttpLoad load;
  load.port = static_cast<std::uint16_t>(port);
  load.connections = static_cast<int>(connections);
  load.requests = requests;
  load.make_request = [&](std::int64_t) { return request; };
  TRY(auto result, run_load(load));
  if (result.refused > 0) return make_error(Code::io, "the server refused a request: " + result.first_refusal);
  return figures_of(static_cast<double>(result.answered) / result.seconds, result.latencies_ms);
}

std::int64_t port_of(const std::string& url) { return std::atoll(url.c_str() + url.rfind(':') + 1); }

}  // namespace

Status http_reads(const Words&) {
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.start_server(1, {{"DOSSIER_READ_CACHE", "off"}});
  installation.bootstrap();
  const std::string issue = installation.api().post(installation.in_workspace("/issues"), test::object({{"title", "read me"}})).text("id");
  for (int n = 0; n < 20; ++n)
    installation.api().post("/v1/issues/" + issue + "/comments",
                            test::object({{"body", "a comment of an ordinary length, number " + std::to_string(n)}}));
  const Figures ready = {{"database_url", installation.database_url()},
                         {"issue", issue},
                         {"token", installation.api().token()},
                         {"port", port_of(installation.url())},
                         {"port_no_cache", port_of(installation.url(1))}};
  // PORT CONNECTIONS REQUESTS
  return answer_lines(ready, [&](const Words& words) -> Result<Figures> {
    TRY(const std::int64_t port, number_at(words, 0));
    TRY(const std::int64_t connections, number_at(words, 1));
    TRY(const std::int64_t requests, number_at(words, 2));
    return load(port, http_request("GET", "/v1/issues/" + issue, installation.api().token()), connections, requests);
  });
}

}  // namespace dossier::bench::beside
