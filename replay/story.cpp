// Layout of a story.
#include "replay/story.hpp"

#include "events/issue.hpp"
#include "replay/text.hpp"
#include "replay/time_travel.hpp"

namespace dossier::replay {
namespace {

constexpr std::string_view kMargin = "                          | ";
constexpr std::size_t kPlaceWidth = 8;

std::string actor_of(const v1::Actor& actor) {
  switch (actor.kind()) {
    case v1::Actor::USER: return "user " + short_id(actor.id());
    case v1::Actor::WORKER: return "worker " + short_id(actor.id());
    case v1::Actor::SYSTEM: return "system " + short_id(actor.id());
    case v1::Actor::KIND_UNSPECIFIED:
    case v1::Actor_Kind_Actor_Kind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Actor_Kind_Actor_Kind_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "someone " + short_id(actor.id());
}

std::string place_of(const Entry& entry) {
  std::string place = std::to_string(entry.seq);
  if (entry.index > 0) place += "." + std::to_string(entry.index);
  return place.size() < kPlaceWidth ? std::string(kPlaceWidth - place.size(), ' ') + place : place;
}

// Raw frames of a provider and pieces of text are for machines: ndjson has them.
void append_line(std::string& out, const Line& line) {
  const v1::ActivityEvent& event = line.record->events(line.event);
  std::string who;
  std::string_view what;
  switch (event.event_case()) {
    case v1::ActivityEvent::kLogLine:
      if (event.log_line().stream().size() > 4 && event.log_line().stream().substr(event.log_line().stream().size() - 4) == "-raw") return;
      who = event.log_line().stream();
      what = words_of(event.log_line().text());
      break;
    case v1::ActivityEvent::kToolUse:
      who = event.tool_use().tool();
      what = words_of(event.tool_use().input());
      break;
    case v1::ActivityEvent::kToolResult:
      who = event.tool_result().failed() ? "failed" : "result";
      what = words_of(event.tool_result().output());
      break;
    case v1::ActivityEvent::kAgentItem:
    case v1::ActivityEvent::kTextDelta:
    case v1::ActivityEvent::kTokenUsage:
    case v1::ActivityEvent::kTreeSnapshot:
    case v1::ActivityEvent::kApprovalNote:
    case v1::ActivityEvent::EVENT_NOT_SET: return;
  }
  std::string margin(kPlaceWidth, ' ');
  margin += "  " + clock_text(line.time_us) + "    [";
  append_printable(margin, who);
  margin += "] ";
  append_block(out, margin, what.empty() ? std::string_view("\n") : what, kMaxStoryLines);
}

}  // namespace

std::string to_story(const Timeline& timeline, const std::vector<Moment>& moments) {
  IssueFold fold(timeline.workspace, timeline.issue);
  for (const auto& moment : moments)
    if (moment.entry != nullptr) fold.apply(*moment.entry);
  std::string out = timeline.issue.str();
  if (fold.exists() && fold.document().number > 0) out += "  #" + std::to_string(fold.document().number);
  if (fold.exists()) {
    out += "  ";
    append_printable(out, fold.document().title_json);
    out += "  " + fold.document().status;
  }
  out += "\n" + timeline.workspace.str() + "\n";
  std::string day;
  for (const auto& moment : moments) {
    const std::int64_t time_us = moment.entry != nullptr ? moment.entry->time_us : moment.line.time_us;
    if (std::string today = day_text(time_us); today != day) {
      day = std::move(today);
      out += "\n" + day + " (UTC)\n";
    }
    if (moment.entry == nullptr) {
      append_line(out, moment.line);
      continue;
    }
    const Told told = tell(*moment.entry, kMargin);
    out += place_of(*moment.entry) + "  " + clock_text(time_us) + "  " + actor_of(moment.entry->actor) + ": " + told.sentence + "\n" + told.below;
  }
  return out;
}

}  // namespace dossier::replay
