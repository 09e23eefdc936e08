// A partition of dossier.events with the whole story of one issue in it, and the activity of its session, made by hand with
// fixed ids, times and keys: what replays are tested on. Same bytes each time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/worker.pb.h"
#include "events/ledger.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/topic/topic.hpp"
#include "projections/store.hpp"

namespace dossier::test {

class SampleLog {
 public:
  static constexpr std::int32_t kPartitions = 12;
  static constexpr std::int64_t kStartUs = 1'795'000'000'000'000;  // 2026-11-18T11:06:40Z

  // Only the Genesis.
  explicit SampleLog(std::string workspace = "ws_" + std::string(32, '1'));

  // One event of a commit under construction.
  SampleLog& add(const std::string& stream, const std::string& issue, const v1::EventPayload& payload);
  // Ends the commit: appends it `after_us` later than the one before. `key` makes its id.
  void commit(const std::string& key, const v1::Actor& actor, std::int64_t after_us = 1'000'000);
  void commit_of(const WorkspaceId& other, const std::string& key);  // a commit of another workspace in the same partition
  void append(std::string value);                                    // any bytes

  // The story: opened, project attached, comment with a mention, session, task offered, declined, offered again, claimed,
  // started, source captured, completed, sealed, status changed, comment edited and removed; plus a void commit and foreign
  // ones.
  void tell_story();

  const WorkspaceId& workspace() const { return workspace_; }
  std::int32_t partition() const { return partition_; }
  const std::vector<topic::Record>& records() const { return records_; }
  std::vector<topic::Record>& records() { return records_; }
  // The journal as the projector would have written it.
  std::vector<projections::JournalRow> journal() const;
  // Signed by the worker's key and chained.
  std::vector<topic::Record> activity() const;

  static v1::Actor user();
  static v1::Actor worker_actor();
  static v1::Actor system();
  const IssueId issue{"iss_" + std::string(32, '2')};
  const IssueId other_issue{"iss_" + std::string(32, '3')};
  const std::string session = "ses_" + std::string(32, '4');
  const std::string task = "tsk_" + std::string(32, '5');
  const std::string worker = "wkr_" + std::string(32, '6');
  const std::string comment = "cmt_" + std::string(32, '7');
  const std::string project = "prj_" + std::string(32, '8');
  const crypto::KeyPair worker_key = crypto::key_pair_from_seed(std::string(32, 'k'));

 private:
  WorkspaceId workspace_;
  std::int32_t partition_;
  std::int64_t now_us_ = kStartUs;
  v1::Commit pending_;
  std::vector<topic::Record> records_;
};

}  // namespace dossier::test
