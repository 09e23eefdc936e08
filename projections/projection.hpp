// A read model: a name, a version of its code, its tables, and a pure function from an accepted event to row patches.
// One file each; projections/registry.cpp lists them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"
#include "platform/rows/rows.hpp"

namespace dossier::projections {

// An accepted event where it stands in the log. References live as long as the call.
struct AcceptedEvent {
  const v1::Commit& commit;
  const v1::Event& event;
  const v1::EventPayload& payload;  // a payload this code knows
  std::uint64_t seq;
  std::int32_t index;     // of the event in the commit
  std::uint64_t version;  // of the stream after the event
  std::int64_t time_us;   // the commit's time
};

// Aggregates by their number in v1::EventPayload, as bits.
template <class... Case>
constexpr std::uint32_t aggregates(Case... cases) {
  return ((1u << cases) | ...);
}
inline constexpr std::uint32_t kAllAggregates = ~0u;

struct Projection {
  std::string_view name;
  std::uint32_t version;  // of the code below: a change rebuilds the generation
  std::vector<const rows::Table*> tables;
  // Adds patches; total for every valid event (ignores what it does not care for). A thrown std::exception parks the event.
  void (*project)(const AcceptedEvent& event, rows::Batch& out);
  // Events of other aggregates are not given to it, nor parked for it.
  std::uint32_t of = kAllAggregates;
};

// All read models, in the order in which their rows are written.
const std::vector<Projection>& registry();

}  // namespace dossier::projections
