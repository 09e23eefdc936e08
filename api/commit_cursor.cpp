// Places and messages.
#include "api/commit_cursor.hpp"

#include <charconv>

#include "api/commit_document.hpp"
#include "api/sse.hpp"
#include "base/mutation.hpp"

namespace dossier::api {
namespace {

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > INT64_MAX) return std::nullopt;
  return number;
}

}  // namespace

Result<CommitPlace> parse_commit_place(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto history = dash == std::string_view::npos ? std::nullopt : digits(text.substr(0, dash));
  const auto seq = history ? digits(text.substr(dash + 1)) : std::nullopt;
  if (!seq) return make_error(Code::invalid_field, "must be the id of a message of this stream: <history>-<seq>", "Last-Event-ID");
  return CommitPlace{*history, *seq};
}

Error history_repaired() {
  return make_error(Code::precondition_failed,
                    "the log was repaired: that event is not part of its present history; read the "
                    "workspace again, and start without Last-Event-ID",
                    "Last-Event-ID");
}

bool must_exist(const CommitPlace& place, std::uint64_t visible_seq) { return place.seq != 0 && place.seq <= visible_seq; }

Result<std::uint64_t> start_at(const CommitPlace& place, std::optional<std::string_view> record) {
  if (record) {
    const auto commit = commit_of(*record);
    if (!commit) return make_error(Code::corrupt, "the journal's commit " + std::to_string(place.seq) + " can't be read");
    if (commit->history() != place.history) return history_repaired();
  }
  return place.seq + (mutation::on(mutation::Name::resume_events_off_by_one) && place.seq > 0 ? 1 : 0);
}

Result<std::string> CommitCursor::message(std::string_view record, std::uint64_t seq, std::int64_t time_us) {
  const auto commit = commit_of(record);
  if (!commit) return make_error(Code::corrupt, "the journal's record of seq " + std::to_string(seq) + " can't be read");
  if (seq != seq_ + 1) return make_error(Code::corrupt, "the journal has a gap behind seq " + std::to_string(seq_));
  seq_ = seq;
  return sse_message(std::to_string(commit->history()) + "-" + std::to_string(seq_), "commit", commit_json(*commit, seq_, time_us));
}

}  // namespace dossier::api
