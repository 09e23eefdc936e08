// Tables and JSON of measurements.
#include "bench/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "platform/json/json.hpp"

namespace dossier::bench {
namespace {

std::string number(double value) {
  char text[32];
  const double size = std::fabs(value);
  std::snprintf(text, sizeof text, size >= 1000 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", value);
  return text;
}

std::string pad(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

}  // namespace

double percentile(std::vector<double>& samples, double fraction) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  return samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1];
}

double Measurement::median() const {
  auto sorted = runs;
  return percentile(sorted, 0.5);
}
double Measurement::least() const { return runs.empty() ? 0 : *std::min_element(runs.begin(), runs.end()); }
double Measurement::most() const { return runs.empty() ? 0 : *std::max_element(runs.begin(), runs.end()); }
bool Measurement::meets_goal() const { return !goal || (lower_is_better ? median() <= *goal : median() >= *goal); }

std::string table(const std::vector<Measurement>& measurements) {
  std::string out =
      pad("figure", 34) + pad("median", 12) + pad("range", 22) + pad("unit", 10) + pad("goal", 12) + pad("met", 6) + pad("ratio", 8) + "beside\n";
  for (const auto& m : measurements) {
    out += pad(m.name, 34) + pad(number(m.median()), 12) + pad(number(m.least()) + " … " + number(m.most()), 24) + pad(m.unit, 10) +
           pad(m.goal ? (m.lower_is_better ? "≤ " : "≥ ") + number(*m.goal) : "", m.goal ? 14 : 12) +
           pad(m.goal ? (m.meets_goal() ? "yes" : "no") : "", 6) + pad(m.limit && *m.limit != 0 ? number(m.median() / *m.limit) : "", 8) +
           (m.limit ? number(*m.limit) + " " + m.unit + " " + m.limit_name : "") + "\n";
  }
  return out;
}

std::string to_json(const std::vector<Measurement>& measurements) {
  json::Value::Array rows;
  for (const auto& m : measurements) {
    json::Value::Object row = {{"name", m.name},
                               {"unit", m.unit},
                               {"better", m.lower_is_better ? "lower" : "higher"},
                               {"median", m.median()},
                               {"min", m.least()},
                               {"max", m.most()},
                               {"limit", m.limit ? json::Value(*m.limit) : json::Value()},
                               {"goal", m.goal ? json::Value(*m.goal) : json::Value()},
                               {"command", m.command}};
    rows.emplace_back(std::move(row));
  }
  return json::write(json::Value(std::move(rows)));
}

Status write_json(const std::vector<Measurement>& measurements, const std::string& file) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << to_json(measurements) << '\n';
  if (!out.flush()) return make_error(Code::io, "can't write " + file, "--json");
  return {};
}

}  // namespace dossier::bench
