// The text that Prometheus reads.
#include "base/metrics.hpp"

#include <gtest/gtest.h>

namespace dossier {
namespace {

TEST(Metrics, GroupsSamplesOfOneMetricUnderOneHeading) {
  MetricsRegistry registry;
  registry.add([](MetricsText& out) {
    out.counter("dossier_a_total", "Things.", 3, metrics_label("kind", "x\"y"));
    out.gauge("dossier_b", "Now.", 1.5);
  });
  registry.add([](MetricsText& out) { out.counter("dossier_a_total", "Things.", 4, metrics_label("kind", "z")); });
  EXPECT_EQ(registry.text(),
            "# HELP dossier_a_total Things.\n# TYPE dossier_a_total counter\ndossier_a_total{kind=\"x\\\"y\"} 3\ndossier_a_total{kind=\"z\"} 4\n"
            "# HELP dossier_b Now.\n# TYPE dossier_b gauge\ndossier_b 1.5\n");
}

TEST(Metrics, HistogramBucketsAreCumulativeAndInSeconds) {
  Histogram histogram;
  histogram.observe(90);
  histogram.observe(1'000);
  histogram.observe(60'000'000);
  MetricsText out;
  out.histogram("dossier_x_seconds", "Time.", histogram);
  const std::string text = out.text();
  EXPECT_NE(text.find("dossier_x_seconds_bucket{le=\"0.0001\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("dossier_x_seconds_bucket{le=\"0.001\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("dossier_x_seconds_bucket{le=\"10\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("dossier_x_seconds_bucket{le=\"+Inf\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("dossier_x_seconds_count 3\n"), std::string::npos);
  EXPECT_NE(text.find("dossier_x_seconds_sum 60.00109\n"), std::string::npos);
}

}  // namespace
}  // namespace dossier
