// What a benchmark says: figures with median and range over the runs, beside the limit that was measured in the same run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace dossier::bench {

struct Measurement {
  std::string name;  // "commits_per_s"
  std::string unit;  // "1/s", "ms", "MB"
  bool lower_is_better = false;
  std::vector<double> runs;     // one figure a run
  std::optional<double> limit;  // the same work on the bare part beneath, in the same run
  std::string limit_name;       // what that was
  std::optional<double> goal;
  std::string command;  // how to run it alone
  double median() const;
  double least() const;
  double most() const;
  bool meets_goal() const;  // true where there is none
};

// A table for people: figure, range, limit, ratio to it, goal.
std::string table(const std::vector<Measurement>& measurements);
// An array of {name, unit, better, median, min, max, limit, goal, command}.
std::string to_json(const std::vector<Measurement>& measurements);
Status write_json(const std::vector<Measurement>& measurements, const std::string& file);

// The value below which `fraction` of the samples lie; sorts them. 0 for none.
double percentile(std::vector<double>& samples, double fraction);

}  // namespace dossier::bench
