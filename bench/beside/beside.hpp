// Our side of the comparison with other systems (bench/peers): each part of this program is one participant, which the
// driver starts, asks by lines, and ends.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/http_load.hpp"
#include "bench/report.hpp"
#include "platform/json/json.hpp"
#include "platform/kafka/kafka.hpp"

namespace dossier::bench::beside {

using Words = std::vector<std::string>;
using Figures = json::Value::Object;

// Prints `ready` as a line of JSON, then answers each line of standard input, split at spaces, with one. An error ends the
// participant with its message on standard error; so does the end of the input, without one.
Status answer_lines(Figures ready, const std::function<Result<Figures>(const Words&)>& answer);

// The n-th word as a number of at least 1; usage: it is missing or none.
Result<std::int64_t> number_at(const Words& words, std::size_t n);

// {"per_second":…,"p50_ms":…,"p99_ms":…}; sorts the latencies.
Figures figures_of(double per_second, std::vector<double>& latencies_ms);

// One file each. The words are the program's arguments behind its name.
Status event_topic(const Words& arguments);    // TOPIC PARTITIONS RECORDS: makes the topic that every sink reads
Status table_sink(const Words& arguments);     // TOPIC insert|upsert: Kafka → one table
Status ledger_append(const Words& arguments);  // conditional appends, judged by the ledger
Status issue_rows(const Words& arguments);     // the same over HTTP with all read models; reads of a long issue
Status backlog_rows(const Words& arguments);   // the whole projector, and a rebuild
Status task_queue(const Words& arguments);     // tasks that do nothing, idle dispatch
Status http_reads(const Words& arguments);     // GET an issue; loads any server
Status limits(const Words& arguments);         // what lies beneath: produce, consume, COPY, UNNEST

}  // namespace dossier::bench::beside
