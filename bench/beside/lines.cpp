// The line protocol between the driver and a participant.
#include <charconv>
#include <iostream>
#include <sstream>

#include "bench/beside/beside.hpp"

namespace dossier::bench::beside {
namespace {

void print(Figures figures) { std::cout << json::write(json::Value(std::move(figures))) << std::endl; }

}  // namespace

Status answer_lines(Figures ready, const std::function<Result<Figures>(const Words&)>& answer) {
  print(std::move(ready));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) words.push_back(std::move(word));
    if (words.empty()) continue;
    TRY(Figures figures, answer(words));
    print(std::move(figures));
  }
  return {};
}

Result<std::int64_t> number_at(const Words& words, std::size_t n) {
  std::int64_t number = 0;
  if (n < words.size()) std::from_chars(words[n].data(), words[n].data() + words[n].size(), number);
  if (number < 1) return make_error(Code::usage, "word " + std::to_string(n + 1) + " has to be a number of at least 1");
  return number;
}

Figures figures_of(double per_second, std::vector<double>& latencies_ms) {
  return {{"per_second", per_second}, {"p50_ms", percentile(latencies_ms, 0.50)}, {"p99_ms", percentile(latencies_ms, 0.99)}};
}

}  // namespace dossier::bench::beside
