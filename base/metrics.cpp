// The Prometheus text format.
#include "base/metrics.hpp"

#include <cstdio>
#include <initializer_list>
#include <string_view>

namespace dossier {
namespace {

std::string decimal(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

void line(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out += name;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

}  // namespace

MetricsText::Family& MetricsText::family(std::string_view name, std::string_view help, std::string_view type) {
  auto found = families_.find(name);
  if (found == families_.end()) found = families_.emplace(std::string(name), Family{std::string(type), std::string(help), {}}).first;
  return found->second;
}

void MetricsText::counter(std::string_view name, std::string_view help, std::uint64_t value, std::string_view labels) {
  line(family(name, help, "counter").lines, name, labels, std::to_string(value));
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value, std::string_view labels) {
  line(family(name, help, "gauge").lines, name, labels, decimal(value));
}

void MetricsText::histogram(std::string_view name, std::string_view help, const Histogram& histogram, std::string_view labels) {
  std::string& out = family(name, help, "histogram").lines;
  const std::string base(name);
  const std::string prefix = labels.empty() ? std::string() : std::string(labels) + ",";
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    sum += histogram.count(i);
    line(out, base + "_bucket", prefix + "le=\"" + decimal(static_cast<double>(Histogram::kBounds[i]) / 1e6) + "\"", std::to_string(sum));
  }
  sum += histogram.count(Histogram::kBounds.size());
  line(out, base + "_bucket", prefix + "le=\"+Inf\"", std::to_string(sum));
  line(out, base + "_sum", labels, decimal(static_cast<double>(histogram.sum_us()) / 1e6));
  line(out, base + "_count", labels, std::to_string(sum));
}

std::string MetricsText::text() const {
  std::string out;
  for (const auto& [name, family] : families_)
    for (const std::string_view piece :
         std::initializer_list<std::string_view>{"# HELP ", name, " ", family.help, "\n# TYPE ", name, " ", family.type, "\n", family.lines})
      out += piece;
  return out;
}

std::string metrics_label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

void MetricsRegistry::add(Source source) {
  const std::lock_guard lock(mutex_);
  sources_.push_back(std::move(source));
}

std::string MetricsRegistry::text() const {
  std::vector<Source> sources;
  {
    const std::lock_guard lock(mutex_);
    sources = sources_;
  }
  MetricsText out;
  for (const Source& source : sources) source(out);
  return out.text();
}

}  // namespace dossier
