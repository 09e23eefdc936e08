// What an operator does about parked rows: list them, and the events that retry or discard them. The events are
// committed in the parked stream's own workspace by the write path; the projector acts when it reads them, so a rebuild
// and a replay see the same decision at the same place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"

namespace dossier::projections {

struct ParkedSummary {
  std::string read_model;
  std::string workspace;
  std::string stream;
  std::int32_t partition = 0;
  std::int64_t first_offset = 0;
  std::int64_t rows = 0;
  std::string first_error;  // why the first of them waits
};

// Of the live generation, oldest first, at most `limit`. database_unavailable.
Result<std::vector<ParkedSummary>> list_parked(const std::string& url, std::size_t limit = 1'000);

// invalid_field: no read model has this name, or the stream's name has no valid form.
Result<v1::Event> parked_retried(std::string_view read_model, std::string_view stream);
Result<v1::Event> parked_discarded(std::string_view read_model, std::string_view stream);

}  // namespace dossier::projections
