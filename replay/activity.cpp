// Interleaving activity with events.
#include "replay/activity.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "events/json.hpp"

namespace dossier::replay {
namespace {

using OfferKey = std::pair<std::string, std::uint32_t>;  // task stream, offer
struct Claim {
  std::string worker_id;
  std::size_t entry = 0;
  std::size_t end = SIZE_MAX;  // the entry which ended the offer
};

std::map<OfferKey, Claim> claims_of(const std::vector<Entry>& entries) {
  std::map<OfferKey, Claim> claims;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].payload.has_task()) continue;
    const v1::TaskEvent& event = entries[i].payload.task();
    const auto end = [&](std::uint32_t offer) {
      if (const auto claim = claims.find({entries[i].event.stream(), offer}); claim != claims.end())
        claim->second.end = std::min(claim->second.end, i);
    };
    if (event.has_task_claimed())
      claims.try_emplace({entries[i].event.stream(), event.task_claimed().offer()}, Claim{event.task_claimed().worker_id(), i});
    else if (event.has_task_completed())
      end(event.task_completed().offer());
    else if (event.has_task_failed())
      end(event.task_failed().offer());
    else if (event.has_task_cancelled())
      end(event.task_cancelled().offer());
  }
  return claims;
}

auto key_of(const v1::ActivityRecord& record) { return std::make_tuple(std::cref(record.session_id()), record.offer(), record.first_sequence()); }

}  // namespace

std::vector<Moment> interleave(const Timeline& timeline, const std::vector<v1::ActivityRecord>& records, const Until& until) {
  const auto& entries = timeline.entries;
  const auto claims = claims_of(entries);
  std::vector<const v1::ActivityRecord*> ordered;
  ordered.reserve(records.size());
  for (const auto& record : records) ordered.push_back(&record);
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return key_of(*a) < key_of(*b); });
  ordered.erase(std::unique(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return key_of(*a) == key_of(*b); }), ordered.end());

  struct Placed {
    std::size_t place;  // before entries[place]
    Line line;
  };
  std::vector<Placed> placed;
  const bool cut = until.seq || until.time_us;
  const std::int64_t last_us = until.time_us ? *until.time_us : entries.empty() ? 0 : entries.back().time_us;
  const v1::ActivityRecord* before = nullptr;
  std::int64_t reached_us = 0;
  for (const auto* record : ordered) {
    const auto claim = claims.find({"task/" + record->task_id(), record->offer()});
    if (claim == claims.end() || claim->second.worker_id != record->worker_id()) continue;
    if (before == nullptr || before->session_id() != record->session_id() || before->offer() != record->offer())
      reached_us = entries[claim->second.entry].time_us;
    before = record;
    for (int i = 0; i < record->events_size(); ++i) {
      reached_us = std::max(reached_us, record->events(i).at_us());
      const auto later = std::upper_bound(entries.begin(), entries.end(), reached_us,
                                          [](std::int64_t time_us, const Entry& entry) { return time_us < entry.time_us; });
      const std::size_t place = std::min(static_cast<std::size_t>(later - entries.begin()), claim->second.end);
      if (place == entries.size() && cut && reached_us > last_us) continue;
      placed.push_back({place, {record, i, record->first_sequence() + static_cast<std::uint64_t>(i), reached_us}});
    }
  }
  // Stable: lines of one offer keep their order, and offers stand in the order of `ordered`.
  std::stable_sort(placed.begin(), placed.end(),
                   [](const Placed& a, const Placed& b) { return std::tie(a.place, a.line.time_us) < std::tie(b.place, b.line.time_us); });

  std::vector<Moment> moments;
  moments.reserve(entries.size() + placed.size());
  auto next = placed.begin();
  for (std::size_t i = 0; i <= entries.size(); ++i) {
    for (; next != placed.end() && next->place == i; ++next) moments.push_back({nullptr, next->line});
    if (i < entries.size()) moments.push_back({&entries[i], {}});
  }
  return moments;
}

void append_line_json(std::string& out, const Line& line) {
  const v1::ActivityEvent& event = line.record->events(line.event);
  out += "{\"type\":\"activity\",\"time\":\"";
  out += events::time_text(line.time_us);
  out += "\",\"session_id\":";
  events::append_json_string(out, line.record->session_id());
  out += ",\"task_id\":";
  events::append_json_string(out, line.record->task_id());
  out += ",\"offer\":";
  out += std::to_string(line.record->offer());
  out += ",\"worker_id\":";
  events::append_json_string(out, line.record->worker_id());
  out += ",\"sequence\":";
  out += std::to_string(line.sequence);
  const auto* kind = event.GetReflection()->GetOneofFieldDescriptor(event, event.GetDescriptor()->oneof_decl(0));
  out += ",\"kind\":";
  events::append_json_string(out, kind == nullptr ? "unknown" : kind->name());
  out += ",\"data\":";
  if (kind == nullptr)
    out += "{}";
  else
    events::append_json(out, event.GetReflection()->GetMessage(event, kind));
  out += '}';
}

std::string to_ndjson(const std::vector<Moment>& moments) {
  std::string out;
  for (const auto& moment : moments) {
    if (moment.entry != nullptr)
      append_item_json(out, *moment.entry);
    else
      append_line_json(out, moment.line);
    out += '\n';
  }
  return out;
}

}  // namespace dossier::replay
