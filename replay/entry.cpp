// Picking an issue's events out of commits, and reading the moment where a replay ends.
#include "replay/entry.hpp"

#include <charconv>
#include <ctime>

#include "events/codec.hpp"
#include "events/json.hpp"

namespace dossier::replay {
namespace {

// Exactly `digits` decimal digits at the front of text, taken off it. -1: they are not there.
int take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// RFC 3339, section 5.6; a leap second counts as the second after it.
std::optional<std::int64_t> parse_time(std::string_view text) {
  std::tm parts{};
  const int year = take_number(text, 4);
  if (year < 1970 || !take(text, "-")) return std::nullopt;
  const int month = take_number(text, 2);
  if (month < 1 || month > 12 || !take(text, "-")) return std::nullopt;
  const int day = take_number(text, 2);
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (day < 1 || day > kDays[month - 1] + (month == 2 && leap ? 1 : 0) || !take(text, "Tt ")) return std::nullopt;
  const int hour = take_number(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ":")) return std::nullopt;
  const int minute = take_number(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ":")) return std::nullopt;
  const int second = take_number(text, 2);
  if (second < 0 || second > 60) return std::nullopt;
  std::int64_t fraction_us = 0;
  if (take(text, ".")) {
    std::int64_t unit = 100'000;
    const std::size_t before = text.size();
    for (int digit; (digit = take_number(text, 1)) >= 0; unit /= 10) fraction_us += digit * unit;
    if (text.size() == before) return std::nullopt;
  }
  std::int64_t offset_s = 0;
  if (!take(text, "Zz")) {
    const bool west = !text.empty() && text.front() == '-';
    if (!take(text, "+-")) return std::nullopt;
    const int hours = take_number(text, 2);
    if (hours < 0 || hours > 23 || !take(text, ":")) return std::nullopt;
    const int minutes = take_number(text, 2);
    if (minutes < 0 || minutes > 59) return std::nullopt;
    offset_s = (hours * 60 + minutes) * (west ? -60 : 60);
  }
  if (!text.empty()) return std::nullopt;
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  return (std::int64_t{timegm(&parts)} - offset_s) * 1'000'000 + fraction_us;
}

}  // namespace

Result<Until> parse_until(std::string_view text, std::string_view field) {
  std::uint64_t seq = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (error == std::errc{} && end == text.data() + text.size() && seq <= INT64_MAX) return Until{seq, std::nullopt};
  if (const auto time_us = parse_time(text)) return Until{std::nullopt, time_us};
  return make_error(Code::invalid_field, "'" + std::string(text) + "' is neither a seq (42) nor a time (2026-11-21T03:04:05Z)", std::string(field));
}

void append_entries(std::vector<Entry>& out, const v1::Commit& commit, std::uint64_t seq, std::int64_t time_us,
                    const std::vector<std::uint64_t>& versions, const IssueId& issue) {
  for (int i = 0; i < commit.events_size(); ++i) {
    const v1::Event& event = commit.events(i);
    if (event.issue_id() != issue.str()) continue;
    Entry entry;
    entry.seq = seq;
    entry.index = i;
    entry.time_us = time_us;
    entry.actor = commit.actor();
    entry.event = event;
    entry.version = versions[static_cast<std::size_t>(i)];
    entry.known = entry.payload.ParseFromString(event.payload()) && events::is_known(entry.payload);
    if (!entry.known) entry.payload.Clear();
    out.push_back(std::move(entry));
  }
}

void append_item_json(std::string& out, const Entry& entry) {
  out += "{\"seq\":";
  out += std::to_string(entry.seq);
  out += ",\"time\":\"";
  out += events::time_text(entry.time_us);
  out += "\",\"actor\":";
  events::append_actor_json(out, entry.actor);
  out += ',';
  // The event's own object follows in the same braces.
  const std::size_t brace = out.size();
  events::append_event_json(out, entry.event, entry.index, entry.version);
  out.erase(brace, 1);
}

}  // namespace dossier::replay
