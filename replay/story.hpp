// A timeline as a story for people: one line an event, what people and agents wrote below it. Pure; the same moments give
// the same bytes on every machine (UTC, no locale).
#pragma once

#include <string>
#include <vector>

#include "replay/activity.hpp"

namespace dossier::replay {

inline constexpr std::size_t kMaxStoryLines = 200;  // of one text or diff; ndjson has all of them

std::string to_story(const Timeline& timeline, const std::vector<Moment>& moments);

// What happened, as a sentence without its actor, then the blocks below it (each line behind `margin`).
struct Told {
  std::string sentence;
  std::string below;
};
Told tell(const Entry& entry, std::string_view margin);

}  // namespace dossier::replay
