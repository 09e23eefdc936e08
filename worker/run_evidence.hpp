// What is done with evidence at the end of each turn: files of .dossier/session/ are checked, uploaded and reported, output
// beyond the limit too. Nothing here fails a turn: what goes wrong is reported as a rejection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dossier/v1/payload.pb.h"
#include "worker/artifacts/collector.hpp"
#include "worker/limits/limits.hpp"
#include "worker/limits/output_file.hpp"

namespace dossier::worker {

// One a run; on the run's thread.
class RunEvidence {
 public:
  struct Parts {
    std::string session_id;
    std::uint32_t offer = 0;
    std::string worktree;
    std::shared_ptr<const masking::Secrets> secrets;
    // Blocks until the blob store has the file, or has refused it.
    std::function<Status(const std::string& file, const std::string& sha256_hex)> upload;
    std::function<void(v1::EvidenceRecorded recorded)> recorded;
    std::function<void(v1::EvidenceRejected rejected)> rejected;
    std::function<void(const std::string& line)> say;  // a line of the system, for people
  };
  explicit RunEvidence(Parts parts) : parts_(std::move(parts)), collector_(parts_.secrets) {}

  void after_turn(std::uint32_t turn);
  // The output that the log has no room for, at the end of the run.
  void after_run(std::uint32_t turn, limits::OutputFile& output);

 private:
  void take(std::uint32_t turn, const artifacts::Artifact& artifact);
  void report(std::uint32_t turn, std::string_view kind, std::string_view name, const std::string& sha256_hex, std::uint64_t size,
              std::string_view media_type);
  void reject(std::uint32_t turn, std::string_view kind, std::string_view name, std::string_view code, const std::string& message);

  const Parts parts_;
  artifacts::Collector collector_;
};

v1::LimitReached to_fact(const limits::Reached& reached, std::uint32_t offer);

// Masks a diff on its way to where it is kept; the commit itself stays as the agent made it, and `say` tells so.
class DiffMasker {
 public:
  using Sink = std::function<bool(std::string_view piece)>;
  DiffMasker(std::shared_ptr<const masking::Secrets> secrets, Sink sink) : masker_(std::move(secrets)), sink_(std::move(sink)) {}
  bool add(std::string_view piece);
  // After the last piece. Says how many places were masked, where there are any.
  bool finish(const std::function<void(const std::string& line)>& say);

 private:
  masking::Masker masker_;
  const Sink sink_;
  std::string piece_;
};

}  // namespace dossier::worker
