// What agents said while they worked, put between the events of their issue. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "replay/timeline.hpp"

namespace dossier::replay {

// One line of activity in its place.
struct Line {
  const v1::ActivityRecord* record = nullptr;
  int event = 0;  // in the record
  std::uint64_t sequence = 0;
  std::int64_t time_us = 0;  // its place in time, see below
};
// An entry, or a line.
struct Moment {
  const Entry* entry = nullptr;
  Line line;
};

// The rule. A line counts if its worker's claim of its (task, offer) is among the entries. Its place in time is the latest of:
// its worker's clock, the line before it, the claim. It stands before the first entry that is later than that, and in any case
// before the entry which ends its offer (completed, failed or cancelled), since a worker reports its end last. After `until`
// nothing is shown. Lines at one place are in order of time, then session, offer, sequence.
// `records` in any order; a repeated (session, offer, first_sequence) counts once, the first one given. They and the timeline
// must outlive what is returned.
std::vector<Moment> interleave(const Timeline& timeline, const std::vector<v1::ActivityRecord>& records, const Until& until);

// {"type":"activity","time":…,"session_id":…,"task_id":…,"offer":…,"worker_id":…,"sequence":…,"kind":"log_line","data":{…}}
void append_line_json(std::string& out, const Line& line);
// Timeline items and lines, an object a line.
std::string to_ndjson(const std::vector<Moment>& moments);

}  // namespace dossier::replay
