// Parked streams, their limits, and the bytes of a parked row.
#include "projections/parking.hpp"

namespace dossier::projections {

bool Parking::holds(std::string_view read_model, std::string_view workspace, std::string_view stream) const {
  return streams_.find(std::tuple(read_model, workspace, stream)) != streams_.end();
}

void Parking::add(const ParkedStream& stream) { streams_.insert({stream.read_model, stream.workspace, stream.stream}); }
void Parking::remove(const ParkedStream& stream) { streams_.erase({stream.read_model, stream.workspace, stream.stream}); }

void Parking::record(bool parked) {
  window_[at_] = parked;
  at_ = (at_ + 1) % kParkingWindow;
}

std::string Parking::verdict() const {
  if (streams_.size() > kMaxParkedStreams) return "more than " + std::to_string(kMaxParkedStreams) + " streams are parked";
  if (streams_.size() >= kManyParkedStreams && window_.count() > kMaxParkedInWindow)
    return std::to_string(streams_.size()) + " streams are parked, and " + std::to_string(window_.count()) + " of the last " +
           std::to_string(kParkingWindow) + " records had rows that were";
  return {};
}

ParkedRow park_row(std::string_view read_model, const AcceptedEvent& e, std::int32_t partition, std::int64_t offset, std::string error) {
  v1::ParkedEvent parked;
  v1::Commit& commit = *parked.mutable_commit();
  commit.set_commit_id(e.commit.commit_id());
  commit.set_workspace_id(e.commit.workspace_id());
  commit.set_history(e.commit.history());
  *commit.mutable_actor() = e.commit.actor();
  commit.set_causation_id(e.commit.causation_id());
  commit.set_correlation_id(e.commit.correlation_id());
  commit.set_occurred_at_us(e.commit.occurred_at_us());
  commit.set_recorded_at_us(e.commit.recorded_at_us());
  *commit.add_events() = e.event;
  parked.set_index(e.index);
  parked.set_seq(e.seq);
  parked.set_version(e.version);
  parked.set_time_us(e.time_us);
  return {std::string(read_model), e.commit.workspace_id(),   e.event.stream(), partition, offset, e.index,
          std::move(error),        parked.SerializeAsString()};
}

bool unpark_row(const ParkedRow& row, v1::ParkedEvent& parked, v1::EventPayload& payload) {
  return parked.ParseFromString(row.value) && parked.commit().events_size() == 1 && payload.ParseFromString(parked.commit().events(0).payload());
}

}  // namespace dossier::projections
