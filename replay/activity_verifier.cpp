// Signatures and chains of activity.
#include "replay/activity_verifier.hpp"

#include "platform/crypto/crypto.hpp"

namespace dossier::replay {
namespace {

std::string sha256_of(std::string_view bytes) { return std::string(crypto::view(crypto::sha256(bytes))); }

std::string name_of(const std::string& session, std::uint32_t offer, std::uint64_t sequence) {
  return "activity of session " + session + ", offer " + std::to_string(offer) + ", sequence " + std::to_string(sequence) + ": ";
}

}  // namespace

void ActivityVerifier::learn(const v1::Commit& commit) {
  static constexpr std::string_view kTask = "task/";
  collect_keys(keys_, commit);
  for (const auto& event : commit.events()) {
    v1::EventPayload payload;
    if (event.issue_id().empty() || (issue_ && event.issue_id() != issue_->str()) || !payload.ParseFromString(event.payload())) continue;
    if (payload.session().has_session_requested()) sessions_.insert(payload.session().session_requested().session_id());
    if (payload.task().has_task_claimed() && event.stream().compare(0, kTask.size(), kTask) == 0)
      claims_[{event.stream().substr(kTask.size()), payload.task().task_claimed().offer()}] = payload.task().task_claimed().worker_id();
    if (payload.issue().has_activity_sealed()) {
      const auto& seal = payload.issue().activity_sealed();
      seals_[{seal.session_id(), seal.offer()}] = seal;
    }
  }
}

bool ActivityVerifier::is_known_gap(const OfferKey& offer, std::uint64_t first, std::uint64_t last) const {
  const auto seal = seals_.find(offer);
  if (seal == seals_.end()) return false;
  for (const auto& range : seal->second.missing())
    if (range.first_sequence() <= first && last <= range.last_sequence()) return true;
  return false;
}

std::optional<Finding> ActivityVerifier::check(const topic::Record& record) {
  v1::SignedActivity signed_record;
  v1::ActivityRecord activity;
  if (!signed_record.ParseFromString(record.value) || !activity.ParseFromString(signed_record.body())) {
    // Bytes that are no activity could be anybody's; those that stand under one of our sessions' keys were one of ours.
    if (sessions_.count(record.key) == 0) return std::nullopt;
    return Finding{record.topic, record.partition, record.offset, "activity of session " + record.key + ": its bytes can't be read"};
  }
  if (sessions_.count(activity.session_id()) == 0) return std::nullopt;
  const auto found = [&](const std::string& what) {
    return Finding{record.topic, record.partition, record.offset, name_of(activity.session_id(), activity.offer(), activity.first_sequence()) + what};
  };
  const auto claim = claims_.find({activity.task_id(), activity.offer()});
  if (claim == claims_.end() || claim->second != activity.worker_id()) {
    foreign_ += 1;
    return std::nullopt;
  }
  if (!is_signed_by(keys_, activity.worker_id(), signed_record)) return found("it is not signed by worker " + activity.worker_id());
  Seen seen{.events = static_cast<std::uint64_t>(activity.events_size()),
            .previous_sha256 = activity.previous_sha256(),
            .record_sha256 = sha256_of(record.value),
            .body_sha256 = sha256_of(signed_record.body()),
            .topic = record.topic,
            .partition = record.partition,
            .offset = record.offset};
  auto& chain = chains_[{activity.session_id(), activity.offer()}];
  const auto [place, first_time] = chain.try_emplace(activity.first_sequence(), seen);
  if (first_time) {
    records_ += 1;
    return std::nullopt;
  }
  if (place->second.record_sha256 == seen.record_sha256) return std::nullopt;
  return found("it differs from the record with the same sequence at offset " + std::to_string(place->second.offset));
}

std::optional<Finding> ActivityVerifier::check(const Block& block, const std::string& topic, std::int64_t log_begin) {
  const auto found = [&](const std::string& what) {
    return Finding{topic, block.partition, block.offset, name_of(block.session_id, block.offer, block.first_sequence) + what};
  };
  auto& chain = chains_[{block.session_id, block.offer}];
  const auto seen = chain.find(block.first_sequence);
  if (seen == chain.end()) {
    if (block.offset < log_begin) return std::nullopt;  // older than what the topic keeps
    return found("the database has it and the log has not");
  }
  seen->second.stored = true;
  if (seen->second.record_sha256 != block.sha256) return found("its hash in the database is not that of the record");
  if (seen->second.body_sha256 != sha256_of(block.body)) return found("its body in the database differs from the record's");
  return std::nullopt;
}

std::optional<Finding> ActivityVerifier::check_chain(const OfferKey& key, const Chain& chain) const {
  std::uint64_t next = 1;
  std::string last_sha256;
  const Seen* last = nullptr;
  const auto found = [&](const Seen& seen, std::uint64_t sequence, const std::string& what) {
    return Finding{seen.topic, seen.partition, seen.offset, name_of(key.first, key.second, sequence) + what};
  };
  for (const auto& [sequence, seen] : chain) {
    if (sequence < next) return found(seen, sequence, "it overlaps what came before, up to " + std::to_string(next - 1));
    if (sequence > next && !is_known_gap(key, next, sequence - 1))
      return found(seen, sequence, "the lines from " + std::to_string(next) + " on are missing before it");
    if (sequence == next && seen.previous_sha256 != last_sha256) return found(seen, sequence, "it does not name the hash of the record before it");
    next = sequence + seen.events;
    last_sha256 = seen.record_sha256;
    last = &seen;
  }
  const auto seal = seals_.find(key);
  if (last == nullptr || seal == seals_.end()) return std::nullopt;
  if (next <= seal->second.last_sequence() && !is_known_gap(key, next, seal->second.last_sequence()))
    return found(*last, next, "the lines up to " + std::to_string(seal->second.last_sequence()) + " were sealed and are missing");
  if (next == seal->second.last_sequence() + 1 && !seal->second.root().empty() && seal->second.root() != last_sha256)
    return found(*last, next - 1, "its hash is not the root that was sealed");
  return std::nullopt;
}

std::optional<Finding> ActivityVerifier::finish(const std::map<std::int32_t, std::int64_t>& ingested_through) {
  for (const auto& [key, chain] : chains_) {
    if (auto finding = check_chain(key, chain)) return finding;
    for (const auto& [sequence, seen] : chain) {
      const auto through = ingested_through.find(seen.partition);
      if (!seen.stored && through != ingested_through.end() && seen.offset < through->second)
        return Finding{seen.topic, seen.partition, seen.offset, name_of(key.first, key.second, sequence) + "the database lacks it"};
    }
  }
  return std::nullopt;
}

}  // namespace dossier::replay
