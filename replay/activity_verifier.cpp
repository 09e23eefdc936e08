// Signatures and chains of activity.
#include "replay/activity_verifier.hpp"

#include "platform/crypto/crypto.hpp"

namespace dossier::replay {
namespace {

std::string sha256_of(std::string_view bytes) { return std::string(crypto::view(crypto::sha256(bytes))); }

std::string name_of(const std::string& session, std::uint32_t offer, std::uint64_t sequence) {
  return "activity of session " + session + ", offer " + std::to_string(offer) + ", sequence " + std::to_string(sequence) +
         ": ";
}

}  // namespace

void ActivityVerifier::learn(const v1::Commit& commit) {
  static constexpr std::string_view kTask = "task/";
  collect_keys(keys_, commit);
  for (const auto& event : commit.events()) {
    v1::EventPayload payload;
    if (event.issue_id().empty() || (issue_ && event.issue_id() != issue_->str()) || !payload.ParseFromString(event.payload()))
      continue;
    if (payload.session().has_session_requested()) sessions_.insert(payload.session().session_requested().session_id());
    if (payload.task().has_task_claimed() && event.stream().compare(0, kTask.size(), kTask) == 0)
      claims_[{event.stream().substr(kTask.size()), payload.task().task_claimed().offer()}] =
          payload.task().task_claimed().worker_id();
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
    return Finding{record.topic, record.partition, record.offset,
                   "activity of session " + record.key + ": its bytes can't be read"};
  }
  if (sessions_.count(activity.session_id()) == 0) return std::nullopt;
  const auto found = [&](const std::string& what) {
    return Finding{record.topic, record.partition, record.offset,
                   name_of(activity.session_id(), activity.offer(), activity.first_sequence()) + what};
  };
  const auto claim = claims_.find({activity.task_id(), activity.offer()});
  if (claim == claims_.end() || claim->second != activity.worker_id()) {
    foreign_ += 1;
    return std::nullopt;
  }
  if (!is_signed_by(keys_, activity.worker_id(), signed_record))
    return found("it is not signed by worker " + activity.worker_id());
  const OfferKey key{activity.session_id(), activity.offer()};
  Chain& chain = chains_[key];
  Seen seen{sha256_of(record.value), sha256_of(signed_record.body()), record.topic, record.partition, record.offset};
  const auto [place, first_time] =
      seen_.try_emplace({activity.session_id(), activity.offer(), activity.first_sequence()}, seen);
  if (!first_time) {
    if (place->second.record_sha256 == seen.record_sha256) return std::nullopt;
    return found("it differs from the record with the same sequence at offset " + std::to_string(place->second.offset));
  }
  if (activity.first_sequence() < chain.next_sequence)
    return found("it overlaps what came before, up to " + std::to_string(chain.next_sequence - 1));
  if (activity.first_sequence() > chain.next_sequence) {
    if (!is_known_gap(key, chain.next_sequence, activity.first_sequence() - 1))
      return found("the lines from " + std::to_string(chain.next_sequence) + " on are missing before it");
  } else if (activity.previous_sha256() != chain.last_sha256) {
    return found("it does not name the hash of the record before it");
  }
  records_ += 1;
  chain = {activity.first_sequence() + static_cast<std::uint64_t>(activity.events_size()), seen.record_sha256, record.topic,
           record.partition, record.offset};
  return std::nullopt;
}

std::optional<Finding> ActivityVerifier::check(const Block& block, const std::string& topic, std::int64_t log_begin) {
  const auto found = [&](const std::string& what) {
    return Finding{topic, block.partition, block.offset, name_of(block.session_id, block.offer, block.first_sequence) + what};
  };
  const auto seen = seen_.find({block.session_id, block.offer, block.first_sequence});
  if (seen == seen_.end()) {
    if (block.offset < log_begin) return std::nullopt;  // older than what the topic keeps
    return found("the database has it and the log has not");
  }
  seen->second.stored = true;
  if (seen->second.record_sha256 != block.sha256) return found("its hash in the database is not that of the record");
  if (seen->second.body_sha256 != sha256_of(block.body)) return found("its body in the database differs from the record's");
  return std::nullopt;
}

std::optional<Finding> ActivityVerifier::finish(const std::map<std::int32_t, std::int64_t>& ingested_through) {
  for (const auto& [key, seen] : seen_) {
    const auto through = ingested_through.find(seen.partition);
    if (!seen.stored && through != ingested_through.end() && seen.offset < through->second)
      return Finding{seen.topic, seen.partition, seen.offset,
                     name_of(std::get<0>(key), std::get<1>(key), std::get<2>(key)) + "the database lacks it"};
  }
  for (const auto& [key, seal] : seals_) {
    const auto chain = chains_.find(key);
    if (chain == chains_.end()) continue;  // nothing of it is kept any more
    const bool short_of = chain->second.next_sequence <= seal.last_sequence() &&
                          !is_known_gap(key, chain->second.next_sequence, seal.last_sequence());
    if (short_of)
      return Finding{chain->second.topic, chain->second.partition, chain->second.offset,
                     name_of(key.first, key.second, chain->second.next_sequence) + "the lines up to " +
                         std::to_string(seal.last_sequence()) + " were sealed and are missing"};
  }
  return std::nullopt;
}

}  // namespace dossier::replay
