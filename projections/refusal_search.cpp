// One suspect at a time, then all.
#include "projections/refusal_search.hpp"

#include <algorithm>

namespace dossier::projections {

void RefusalSearch::suspect(const JudgedBatch& batch, const std::string& read_model) {
  model_ = read_model;
  tried_ = 0;
  suspects_.clear();
  for (const JudgedEvent& event : batch.events) {
    if (event.payload == nullptr) continue;
    const v1::Commit& commit = batch.commit(event);
    std::pair stream(commit.workspace_id(), commit.events(event.index).stream());
    if (std::find(suspects_.begin(), suspects_.end(), stream) == suspects_.end()) suspects_.push_back(std::move(stream));
  }
}

std::optional<ComposeOptions> RefusalSearch::next(const JudgedBatch& batch, const DataError& error) {
  options_.refused_error = error.message;
  if (batch.acts_on_parking && !options_.skip_retries) {  // first the rows that were parked before
    options_.skip_retries = true;
    return options_;
  }
  // Another model: what was tried last for the one before it has helped, and stands.
  if (error.read_model != model_) suspect(batch, error.read_model);
  const std::size_t attempt = tried_++;
  if (attempt < suspects_.size())
    options_.refused[model_] = {suspects_[attempt]};
  else if (attempt == suspects_.size() && attempt > 1)
    options_.refused[model_] = {suspects_.begin(), suspects_.end()};
  else
    return std::nullopt;
  return options_;
}

}  // namespace dossier::projections
