// A partition's records behind a Genesis, each as two bytes of length (little endian) and its value: decoded, judged, folded
// and told, as every reader of the log does it.
#include <algorithm>

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/fold.hpp"
#include "events/json.hpp"
#include "events/ledger.hpp"
#include "platform/json/json.hpp"
#include "replay/record_peek.hpp"
#include "tests/fuzz/targets.hpp"

namespace dossier::fuzz {
namespace {

constexpr std::size_t kMostRecords = 64;

std::string_view next_record(std::string_view& rest) {
  const auto low = static_cast<unsigned char>(rest[0]), high = static_cast<unsigned char>(rest.size() > 1 ? rest[1] : 0);
  rest.remove_prefix(std::min<std::size_t>(2, rest.size()));
  const std::string_view value = rest.substr(0, static_cast<std::size_t>(low) | static_cast<std::size_t>(high) << 8);
  rest.remove_prefix(value.size());
  return value;
}

// What is passed over on the word of a glance is a commit of that workspace, or nothing at all: then it moves nobody's.
void check_peek(std::string_view value, const events::Envelope& envelope) {
  const std::string_view whose = replay::peek_workspace(value);
  if (whose.empty() || !envelope.decoded) return;
  CHECK(envelope.record.has_commit() && envelope.record.envelope_version() == events::kEnvelopeVersion);
  CHECK(envelope.record.commit().workspace_id() == whose);
}

// Folds an accepted commit, and tells its events in JSON that parses.
void fold(const v1::Commit& commit, const events::Judgement& judgement) {
  CHECK(judgement.versions.size() == static_cast<std::size_t>(commit.events_size()));
  for (int i = 0; i < commit.events_size(); ++i) {
    const v1::Event& event = commit.events(i);
    const std::uint64_t version = judgement.versions[static_cast<std::size_t>(i)];
    CHECK(version > 0);
    events::FoldedStream stream(event.stream(), {});
    v1::EventPayload payload;
    if (payload.ParseFromString(event.payload()) && events::is_known(payload))
      stream.evolve(payload, {judgement.time_us, version, &commit.actor()});
    else
      stream.mark_unknown();
    const std::string state = stream.state();
    CHECK(events::FoldedStream(event.stream(), state).state() == state);
  }
  CHECK(json::parse(events::commit_json(commit, judgement)).has_value());
}

}  // namespace

void run_commit(std::string_view bytes) {
  events::PartitionHead head;
  events::Book book;
  const std::string genesis = events::encode(events::make_genesis(std::string(32, 'a'), 1, 0, 1));
  CHECK(events::judge(head, book, events::decode(genesis), genesis).has_value());
  for (std::size_t n = 0; n < kMostRecords && !bytes.empty(); ++n) {
    const std::string_view value = next_record(bytes);
    const events::Envelope envelope = events::decode(value);
    check_peek(value, envelope);
    const events::Needs needs = events::needs(envelope);
    CHECK(std::is_sorted(needs.streams.begin(), needs.streams.end()));
    const std::int64_t offset = head.next_offset;
    const std::uint64_t seq = needs.workspace.empty() ? 0 : book.workspace(needs.workspace).head.seq;
    const auto judgement = events::judge(head, book, envelope, value);
    if (!judgement) {  // of newer code: the reader stops here
      CHECK(head.next_offset == offset);
      return;
    }
    CHECK(head.next_offset == offset + 1);
    if (judgement->verdict != events::Verdict::accepted) continue;
    CHECK(judgement->seq == seq + 1);
    fold(envelope.record.commit(), *judgement);
  }
}

}  // namespace dossier::fuzz
