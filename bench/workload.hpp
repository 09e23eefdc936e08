// What several benchmarks share: one way to load a server, and one way to write a large log without a server.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "bench/http_load.hpp"
#include "bench/report.hpp"
#include "events/limits.hpp"
#include "tests/support/installation.hpp"

namespace dossier::bench {

Measurement measurement(std::string name, std::string unit, bool lower_is_better, std::optional<double> goal = std::nullopt);
double median_of(std::vector<double> values);

// Sends the requests to the installation's server. io: any answer that is not 2xx or 304, with its words.
Result<HttpLoadResult> load_server(const test::Installation& installation, int connections, std::int64_t requests,
                                   std::function<std::string(std::int64_t)> make_request);

// A log of mixed events as people and workers would make them: comments, new issues, tasks from queued to completed.
struct Backlog {
  std::int64_t events = 1'000'000;
  int workspaces = 100;
  std::int32_t partitions = events::kDefaultPartitions;  // of the installation
  std::int64_t long_issue_events = 0;                    // so many comments on one issue of the first workspace
};
struct WrittenBacklog {
  std::int64_t events = 0;
  std::int64_t records = 0;
  std::vector<std::string> workspaces;
  std::string long_issue;
};
// Appends commits to the installation's events topic (`dossier admin init` wrote its Genesis records before).
Result<WrittenBacklog> write_backlog(const test::Installation& installation, const Backlog& backlog);

// Events a second of `projectors` processes (servers 0, 1, … with the projector's role alone, left running) through the whole backlog,
// counted from when a twentieth is applied: their start does not count. timeout: it takes longer than half an hour.
Result<double> project_backlog(test::Installation& installation, const Backlog& backlog, const WrittenBacklog& written, int projectors);

// Offsets of the events topic that are applied in the live generation, summed over the partitions; and those in the log.
Result<std::int64_t> applied_records(const test::Installation& installation);

}  // namespace dossier::bench
