// One pass a read model; a pass in which a handler throws is begun anew with the stream parked.
#include "projections/composer.hpp"

#include <exception>
#include <limits>
#include <optional>

namespace dossier::projections {
namespace {

AcceptedEvent accepted_event(const JudgedBatch& batch, const JudgedEvent& event) {
  const JudgedRecord& judged = batch.records[event.record];
  const v1::Commit& commit = judged.envelope.record.commit();
  return {commit, commit.events(event.index), *event.payload, judged.judgement.seq, event.index, event.version, judged.judgement.time_us};
}

bool concerns(const Projection& model, const v1::EventPayload& payload) { return (model.of >> payload.aggregate_case() & 1u) != 0; }

class Composer {
 public:
  Composer(const JudgedBatch& batch, Parking parking, const ComposeOptions& options, ProjectionStore& store)
      : batch_(batch), options_(options), store_(store), record_parked_(batch.records.size()) {
    out_.parking = std::move(parking);
  }

  Status run(const std::vector<Projection>& models) {
    out_.first_error = options_.refused_error;
    out_.models.reserve(models.size());
    for (const Projection& model : models) {
      ModelRows rows{model.name, {}};
      TRY_STATUS(act_on_parking(model, rows.rows));
      project_all(model, rows.rows);
      if (!rows.rows.empty()) out_.models.push_back(std::move(rows));
      if (out_.parking.streams() > kMaxParkedStreams) break;  // it will halt: don't gather more
    }
    for (const bool parked : record_parked_) out_.parking.record(parked);
    return {};
  }
  Composed take() && { return std::move(out_); }

 private:
  // What a handler threw, and at which event.
  struct Thrown {
    std::size_t event;
    std::string what;
  };
  using FailedAt = std::map<std::pair<std::string, std::string>, Thrown>;  // (workspace, stream)

  void project_all(const Projection& model, rows::Batch& rows) {
    const auto refused = options_.refused.find(model.name);
    // Rows of parked streams are gone from memory only when the store has the retried ones, so a retry's rows stay.
    const rows::Batch retried = rows;
    FailedAt failed;
    while (const auto thrown = pass(model, rows, failed, refused == options_.refused.end() ? nullptr : &refused->second)) {
      const AcceptedEvent event = accepted_event(batch_, batch_.events[thrown->event]);
      failed.emplace(std::pair(event.commit.workspace_id(), event.event.stream()), *thrown);
      if (out_.first_error.empty()) out_.first_error = thrown->what;
      rows = retried;
      if (out_.parking.streams() + failed.size() > kMaxParkedStreams) break;
    }
    for (const auto& [stream, thrown] : failed) out_.parking.add({std::string(model.name), stream.first, stream.second});
    if (refused != options_.refused.end())
      for (const auto& stream : refused->second) out_.parking.add({std::string(model.name), stream.first, stream.second});
  }

  // Projects every event; stops where a handler throws. Parked rows are gathered in the pass that ends well.
  std::optional<Thrown> pass(const Projection& model, rows::Batch& rows, const FailedAt& failed,
                             const std::set<std::pair<std::string, std::string>>* refused) {
    const bool watch = !out_.parking.none() || !failed.empty() || refused != nullptr;
    std::vector<ParkedRow> parked;
    std::vector<std::size_t> newly;
    for (std::size_t i = 0; i < batch_.events.size(); ++i) {
      const JudgedEvent& judged = batch_.events[i];
      if (judged.payload == nullptr || !concerns(model, *judged.payload)) continue;
      const AcceptedEvent event = accepted_event(batch_, judged);
      if (watch) {
        if (const auto error = waits(model, event, i, failed, refused)) {
          parked.push_back(park_row(model.name, event, batch_.before.partition, batch_.records[judged.record].record->offset, *error));
          newly.push_back(judged.record);
          continue;
        }
      }
      try {
        model.project(event, rows);
      } catch (const std::exception& thrown) {
        return Thrown{i, thrown.what()};
      }
    }
    for (ParkedRow& row : parked) out_.parked.push_back(std::move(row));
    for (const std::size_t record : newly) record_parked_[record] = true;
    return std::nullopt;
  }

  // The reason to park this event; nullopt: project it.
  std::optional<std::string> waits(const Projection& model, const AcceptedEvent& event, std::size_t i, const FailedAt& failed,
                                   const std::set<std::pair<std::string, std::string>>* refused) const {
    const std::string& workspace = event.commit.workspace_id();
    const std::string& stream = event.event.stream();
    if (out_.parking.holds(model.name, workspace, stream)) return "earlier rows of this stream wait";
    if (refused != nullptr && refused->contains({workspace, stream})) return options_.refused_error;
    const auto it = failed.find({workspace, stream});
    if (it == failed.end() || i < it->second.event) return std::nullopt;
    return i == it->second.event ? it->second.what : "earlier rows of this stream wait";
  }

  Status act_on_parking(const Projection& model, rows::Batch& rows) {
    if (!batch_.acts_on_parking || options_.skip_retries) return {};
    for (const JudgedEvent& judged : batch_.events) {
      if (judged.payload == nullptr || !judged.payload->has_parking()) continue;
      const v1::ParkingEvent& event = judged.payload->parking();
      const std::string& workspace = batch_.commit(judged).workspace_id();
      if (event.has_parked_retried() && event.parked_retried().read_model() == model.name)
        TRY_STATUS(retry(model, {std::string(model.name), workspace, event.parked_retried().stream()}, rows));
      if (event.has_parked_discarded() && event.parked_discarded().read_model() == model.name)
        discard({std::string(model.name), workspace, event.parked_discarded().stream()});
    }
    return {};
  }

  void discard(const ParkedStream& stream) {
    if (!out_.parking.holds(stream.read_model, stream.workspace, stream.stream)) return;
    out_.parking.remove(stream);
    out_.unparked.push_back({stream, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int32_t>::max()});
  }

  // Projects the waiting rows in order, up to one that fails again (it and those behind it go on waiting).
  Status retry(const Projection& model, const ParkedStream& stream, rows::Batch& rows) {
    if (!out_.parking.holds(stream.read_model, stream.workspace, stream.stream)) return {};
    TRY(const auto waiting, store_.parked_rows(batch_.before.partition, stream, kMaxRetriedRows));
    std::size_t done = 0;
    for (; done < waiting.size(); ++done) {
      v1::ParkedEvent parked;
      v1::EventPayload payload;
      if (!unpark_row(waiting[done], parked, payload)) break;
      rows::Batch one;
      try {
        model.project({parked.commit(), parked.commit().events(0), payload, parked.seq(), parked.index(), parked.version(), parked.time_us()}, one);
      } catch (const std::exception&) {
        break;
      }
      rows.merge(one);
    }
    if (done > 0) out_.unparked.push_back({stream, waiting[done - 1].offset, waiting[done - 1].event_index});
    if (done == waiting.size() && done < kMaxRetriedRows) out_.parking.remove(stream);
    return {};
  }

  const JudgedBatch& batch_;
  const ComposeOptions& options_;
  ProjectionStore& store_;
  std::vector<bool> record_parked_;
  Composed out_;
};

}  // namespace

Result<Composed> compose(const JudgedBatch& batch, const std::vector<Projection>& models, Parking parking, const ComposeOptions& options,
                         ProjectionStore& store) {
  Composer composer(batch, std::move(parking), options, store);
  TRY_STATUS(composer.run(models));
  return std::move(composer).take();
}

}  // namespace dossier::projections
