// Masking of a worker's log lines: how much of a core it takes, beside the plainest thing that could be done to the same
// bytes, a search for one byte and a copy.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

#include "bench/bench.hpp"
#include "bench/workload.hpp"
#include "worker/masking/masker.hpp"

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point began) { return std::chrono::duration<double>(SteadyClock::now() - began).count(); }

// What compilers, tests and agents print, about 70 bytes a line.
std::vector<std::string> make_lines(std::size_t count) {
  static const char* const kForms[] = {"[%zu/340] Building CXX object projections/CMakeFiles/projections.dir/task_%zu.cpp.o",
                                       "ok %zu - the parser reads an empty header (%zu ms)",
                                       "2026-11-26T07:31:%02zu.123Z INFO request_id=%zu route=/v1/issues status=200",
                                       "      at Object.<anonymous> (src/skip_list_%zu.test.ts:%zu:17)",
                                       "{\"type\":\"item/completed\",\"item\":{\"id\":\"item_%zu\",\"exitCode\":%zu}}",
                                       "a log line of an ordinary length, as compilers and tests print them, %zu, %zu"};
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < count; ++i) {
    char line[200];
    const int length = std::snprintf(line, sizeof line, kForms[i % std::size(kForms)], i % 60, i * 7919 % 100'000);
    lines.emplace_back(line, static_cast<std::size_t>(length));
  }
  return lines;
}

std::vector<std::string> make_values(std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<std::string> values(count);
  for (auto& value : values)
    while (value.size() < 40) value += "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"[random() % 64];
  return values;
}

}  // namespace

Result<std::vector<Measurement>> bench_masking(const Settings& settings) {
  const auto lines = make_lines(settings.scaled(1'000'000));
  TRY(const auto secrets, worker::masking::Secrets::make(make_values(50)));
  auto rate = measurement("masked_lines_per_s", "1/s", false, 1'500'000.0);
  auto share = measurement("masking_of_a_core_at_150k_lines_pct", "%", true, 10.0);
  std::vector<double> bare;
  for (int run = 0; run < settings.runs; ++run) {
    worker::masking::Masker masker(secrets);
    std::size_t bytes = 0;
    const auto began = SteadyClock::now();
    for (const auto& line : lines) bytes += masker.line(line).size();
    const double masking_s = seconds_since(began);
    if (masker.masked() != 0) return make_error(Code::io, "lines without secrets were masked");
    std::string copy(256, '\0');
    const auto bare_began = SteadyClock::now();
    for (const auto& line : lines) {
      bytes -= std::memchr(line.data(), '\n', line.size()) == nullptr ? line.size() : 0;  // NOLINT(bugprone-not-null-terminated-result)
      std::copy(line.begin(), line.end(), copy.begin());
      asm volatile("" : : "r"(copy.data()) : "memory");
    }
    if (bytes != 0) return make_error(Code::io, "a line came back changed");
    bare.push_back(static_cast<double>(lines.size()) / seconds_since(bare_began));
    rate.runs.push_back(static_cast<double>(lines.size()) / masking_s);
    share.runs.push_back(100 * 150'000.0 / rate.runs.back());
  }
  rate.limit = median_of(bare);
  rate.limit_name = "memchr and memcpy of the same lines";
  return std::vector<Measurement>{rate, share};
}

}  // namespace dossier::bench
