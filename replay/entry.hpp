// An accepted event that names an issue: what timelines, time travel and stories are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"

namespace dossier::replay {

// Where a replay ends: after the commit `seq`, or after the last commit whose time is not after `time_us`. Neither: never.
struct Until {
  std::optional<std::uint64_t> seq;
  std::optional<std::int64_t> time_us;
  bool includes(std::uint64_t commit_seq, std::int64_t commit_time_us) const {
    return (!seq || commit_seq <= *seq) && (!time_us || commit_time_us <= *time_us);
  }
};
// A seq in decimal digits, or an RFC 3339 time ("2026-11-21T03:04:05Z", fractions and offsets allowed). invalid_field.
Result<Until> parse_until(std::string_view text, std::string_view field);

struct Entry {
  std::uint64_t seq = 0;
  std::int32_t index = 0;  // in its commit
  std::int64_t time_us = 0;
  v1::Actor actor;
  v1::Event event;
  v1::EventPayload payload;
  bool known = false;  // false: a fact of newer code; the payload is empty then
  std::uint64_t version = 0;
};

// The events of an accepted commit that name the issue, in order. `versions`: one an event of the commit.
void append_entries(std::vector<Entry>& out, const v1::Commit& commit, std::uint64_t seq, std::int64_t time_us,
                    const std::vector<std::uint64_t>& versions, const IssueId& issue);

// One timeline item, byte for byte as GET /v1/issues/{id}/timeline serves it.
void append_item_json(std::string& out, const Entry& entry);

}  // namespace dossier::replay
