// Which streams of a partition wait for which read model, and when that is no longer bad data but a bug of ours.
#pragma once

#include <bitset>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "dossier/v1/state.pb.h"
#include "projections/projection.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

inline constexpr std::size_t kMaxParkedStreams = 100;   // of a partition; one more halts it
inline constexpr std::size_t kManyParkedStreams = 10;   // this many, and…
inline constexpr std::size_t kParkingWindow = 1'000;    // …of this many last records…
inline constexpr std::size_t kMaxParkedInWindow = 10;   // …more than these (1 %) with a row that was parked: halts it
inline constexpr std::size_t kMaxRetriedRows = 10'000;  // of one stream by one retry; the rest waits for another

// A value: the runner works on a copy and keeps it when the batch is applied.
class Parking {
 public:
  bool none() const { return streams_.empty(); }
  std::size_t streams() const { return streams_.size(); }
  bool holds(std::string_view read_model, std::string_view workspace, std::string_view stream) const;
  void add(const ParkedStream& stream);
  void remove(const ParkedStream& stream);
  // Every record passes here once, with whether one of its rows was parked.
  void record(bool parked);
  // Why the partition must halt; empty: it need not.
  std::string verdict() const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  std::set<Key, std::less<>> streams_;
  std::bitset<kParkingWindow> window_;
  std::size_t at_ = 0;
};

// The row that waits, and the event which it holds.
ParkedRow park_row(std::string_view read_model, const AcceptedEvent& event, std::int32_t partition, std::int64_t offset, std::string error);
// False: bytes that are no parked event.
bool unpark_row(const ParkedRow& row, v1::ParkedEvent& parked, v1::EventPayload& payload);

}  // namespace dossier::projections
