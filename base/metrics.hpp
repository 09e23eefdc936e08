// Numbers for people who watch: components keep their own counters and describe them to a registry, which renders all of
// them as Prometheus text when asked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.hpp"

namespace dossier {

// Collects samples, grouped by metric as the text format wants it. Labels: `route="/v1/me",method="GET"` or empty.
class MetricsText {
 public:
  void counter(std::string_view name, std::string_view help, std::uint64_t value, std::string_view labels = {});
  void gauge(std::string_view name, std::string_view help, double value, std::string_view labels = {});
  // In seconds, from a histogram in microseconds: `name` ends in _seconds.
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram, std::string_view labels = {});
  // Prometheus text format 0.0.4.
  std::string text() const;

 private:
  struct Family {
    std::string type;
    std::string help;
    std::string lines;
  };
  Family& family(std::string_view name, std::string_view help, std::string_view type);
  std::map<std::string, Family, std::less<>> families_;
};

// A label's value, escaped: label("route", "/v1/me") gives route="/v1/me".
std::string metrics_label(std::string_view name, std::string_view value);

// Thread-safe. Sources are called by text(), on its thread, one after another; they must be quick.
class MetricsRegistry {
 public:
  using Source = std::function<void(MetricsText&)>;
  // The source must stay valid as long as text() may be called.
  void add(Source source);
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Source> sources_;
};

}  // namespace dossier
