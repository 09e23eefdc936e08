// Holds activity against what makes it believable: the claim of its worker, that worker's signature, and the chain of the
// records of its (session, offer). Sans-IO.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dossier/v1/payload.pb.h"
#include "platform/topic/topic.hpp"
#include "replay/verify.hpp"
#include "replay/workers.hpp"

namespace dossier::replay {

class ActivityVerifier {
 public:
  // `issue`: only sessions that it asked for; none: all of the workspace's.
  explicit ActivityVerifier(std::optional<IssueId> issue) : issue_(std::move(issue)) {}

  // First every accepted commit of the workspace, in order: sessions, claims, keys, seals.
  void learn(const v1::Commit& commit);
  const std::set<std::string>& sessions() const { return sessions_; }

  // Then the records of the sessions' partitions. Other sessions' are passed over; the worker that had claimed the offer must
  // have signed it. The order of arrival decides nothing, and the same record twice is harmless: workers repeat what may
  // not have arrived.
  std::optional<Finding> check(const topic::Record& record);

  // Last, what the database keeps: a row of dossier.activity_blocks. `log_begin`: first offset that its partition still has.
  struct Block {
    std::string session_id;
    std::uint32_t offer = 0;
    std::uint64_t first_sequence = 0;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::string sha256;
    std::string body;
  };
  std::optional<Finding> check(const Block& block, const std::string& topic, std::int64_t log_begin);
  // Then records that the database should have by its position in their partition, and seals that say otherwise than the
  // records.
  std::optional<Finding> finish(const std::map<std::int32_t, std::int64_t>& ingested_through);

  std::uint64_t records() const { return records_; }
  std::uint64_t foreign() const { return foreign_; }

 private:
  using OfferKey = std::pair<std::string, std::uint32_t>;  // session or task, offer
  struct Seen {
    std::uint64_t events = 0;
    std::string previous_sha256;
    std::string record_sha256;
    std::string body_sha256;
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    bool stored = false;
  };
  using Chain = std::map<std::uint64_t, Seen>;  // by first sequence
  std::optional<Finding> check_chain(const OfferKey& key, const Chain& chain) const;
  bool is_known_gap(const OfferKey& offer, std::uint64_t first, std::uint64_t last) const;

  std::optional<IssueId> issue_;
  std::set<std::string> sessions_;
  std::map<OfferKey, std::string> claims_;  // task, offer → worker
  WorkerKeys keys_;
  std::map<OfferKey, v1::ActivitySealed> seals_;
  std::map<OfferKey, Chain> chains_;
  std::uint64_t records_ = 0, foreign_ = 0;
};

}  // namespace dossier::replay
