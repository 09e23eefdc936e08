// Finds which streams of a single record a read model's tables refuse, by writing the record with one suspect parked
// after the other. At most one attempt a stream and model, and one with all of them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "projections/composer.hpp"

namespace dossier::projections {

class RefusalSearch {
 public:
  // What to try after this refusal; nullopt: no stream of the record explains it.
  std::optional<ComposeOptions> next(const JudgedBatch& batch, const DataError& error);

 private:
  void suspect(const JudgedBatch& batch, const std::string& read_model);

  ComposeOptions options_;
  std::string model_;
  std::vector<std::pair<std::string, std::string>> suspects_;  // (workspace, stream)
  std::size_t tried_ = 0;
};

}  // namespace dossier::projections
