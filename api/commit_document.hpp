// A commit as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dossier/v1/commit.pb.h"

namespace dossier::api {

// The commit in a journaled record; nullopt: none.
std::optional<v1::Commit> commit_of(std::string_view record);
// {"seq":…,"commit_id":…,"time":…,"actor":…,"events":[{"index":…,"stream":…,"version":…,"issue_id":…,"type":…,"data":…}]}; an
// event has its stream's version where the commit expected one (counters are appended to without knowing it).
std::string commit_json(const v1::Commit& commit, std::uint64_t seq, std::int64_t time_us);

}  // namespace dossier::api
