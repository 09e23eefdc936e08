// Runs the read models over a judged batch: rows for the tables, and rows that must wait. Pure but for the parked rows
// which a retry reads from the store.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "projections/judged_batch.hpp"
#include "projections/parking.hpp"
#include "projections/projection.hpp"

namespace dossier::projections {

// Streams (workspace, stream) to park for a read model from this batch on, because its tables refused their rows.
using RefusedStreams = std::map<std::string, std::set<std::pair<std::string, std::string>>, std::less<>>;

struct ComposeOptions {
  RefusedStreams refused;
  std::string refused_error;  // what the table said
  bool skip_retries = false;  // the rows of a retry were refused again: the stream stays parked
};

struct Composed {
  std::vector<ModelRows> models;
  std::vector<ParkedRow> parked;
  std::vector<Unparked> unparked;
  Parking parking;          // as it is once the batch is applied
  std::string first_error;  // of what is newly parked
};

// Errors are the store's.
Result<Composed> compose(const JudgedBatch& batch, const std::vector<Projection>& models, Parking parking, const ComposeOptions& options,
                         ProjectionStore& store);

}  // namespace dossier::projections
