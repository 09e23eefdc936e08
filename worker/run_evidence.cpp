// Files to facts.
#include "worker/run_evidence.hpp"

#include <errno.h>

#include <cstdio>
#include <cstring>
#include <utility>

namespace dossier::worker {
namespace {

// Removed with the object.
class BlobFile {
 public:
  explicit BlobFile(std::string path) : path_(std::move(path)) {}
  ~BlobFile() { std::remove(path_.c_str()); }
  BlobFile(const BlobFile&) = delete;
  BlobFile& operator=(const BlobFile&) = delete;
  Status write(const std::string& content) const {
    std::FILE* const file = std::fopen(path_.c_str(), "wbe");
    bool written = file != nullptr && std::fwrite(content.data(), 1, content.size(), file) == content.size();
    if (file != nullptr) written = std::fclose(file) == 0 && written;
    if (!written) return make_error(Code::io, "can't write " + path_ + ": " + std::strerror(errno));
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::string places(std::uint64_t count) { return count == 1 ? "1 place is" : std::to_string(count) + " places are"; }

std::string describe(const artifacts::TestCounts& tests) {
  return std::to_string(tests.tests) + " tests, " + std::to_string(tests.failures) + " failed, " + std::to_string(tests.errors) + " broke, " +
         std::to_string(tests.skipped) + " were skipped";
}

}  // namespace

v1::LimitReached to_fact(const limits::Reached& reached, std::uint32_t offer) {
  v1::LimitReached fact;
  fact.set_limit(std::string(to_string(reached.limit)));
  fact.set_allowed(reached.allowed);
  fact.set_observed(reached.observed);
  fact.set_action(std::string(to_string(reached.action)));
  fact.set_offer(offer);
  return fact;
}

void RunEvidence::report(std::uint32_t turn, std::string_view kind, std::string_view name, const std::string& sha256_hex, std::uint64_t size,
                         std::string_view media_type) {
  v1::EvidenceRecorded fact;
  fact.set_kind(std::string(kind));
  fact.set_name(std::string(name));
  fact.mutable_blob()->set_sha256(sha256_hex);
  fact.mutable_blob()->set_size(size);
  fact.mutable_blob()->set_media_type(std::string(media_type));
  fact.set_session_id(parts_.session_id);
  fact.set_offer(parts_.offer);
  fact.set_turn(turn);
  parts_.recorded(std::move(fact));
}

void RunEvidence::reject(std::uint32_t turn, std::string_view kind, std::string_view name, std::string_view code, const std::string& message) {
  v1::EvidenceRejected fact;
  fact.set_kind(std::string(kind));
  fact.set_name(std::string(name));
  fact.set_code(std::string(code));
  fact.mutable_message()->set_plain(message);
  fact.set_session_id(parts_.session_id);
  fact.set_offer(parts_.offer);
  fact.set_turn(turn);
  parts_.rejected(std::move(fact));
  parts_.say("evidence was not taken: " + message);
}

void RunEvidence::take(std::uint32_t turn, const artifacts::Artifact& artifact) {
  // Beside the worktree and not in it, where the agent could have left a link of this name.
  const BlobFile file(parts_.worktree + ".evidence");
  Status kept = file.write(artifact.content);
  if (kept) kept = parts_.upload(file.path(), artifact.sha256_hex);
  if (!kept) return reject(turn, artifact.kind, artifact.name, "upload_failed", artifact.name + ": " + kept.error().message);
  if (artifact.tests) parts_.say(artifact.name + ": " + describe(*artifact.tests));
  if (artifact.masked > 0)
    parts_.say(artifact.name + " holds secrets: " + places(artifact.masked) + " masked in what was kept, and the file has them still");
  report(turn, artifact.kind, artifact.name, artifact.sha256_hex, artifact.content.size(), artifact.media_type);
}

void RunEvidence::after_turn(std::uint32_t turn) {
  collector_.collect(parts_.worktree,
                     {[&](const artifacts::Artifact& artifact) { take(turn, artifact); },
                      [&](const artifacts::Rejected& rejected) { reject(turn, rejected.kind, rejected.name, rejected.code, rejected.message); }});
}

void RunEvidence::after_run(std::uint32_t turn, limits::OutputFile& output) {
  if (!output.is_used()) return;
  constexpr std::string_view kKind = "output", kName = "output.txt";
  Status kept = output.finish();
  if (kept) kept = parts_.upload(output.path(), output.sha256_hex());
  if (!kept) return reject(turn, kKind, kName, "upload_failed", "output.txt: " + kept.error().message);
  if (output.lost() > 0) parts_.say(std::to_string(output.lost()) + " bytes of output are lost: a blob has no room for them");
  report(turn, kKind, kName, output.sha256_hex(), output.size(), "text/plain");
}

bool DiffMasker::add(std::string_view piece) {
  piece_.clear();
  masker_.feed(piece, piece_);
  return piece_.empty() || sink_(piece_);
}

bool DiffMasker::finish(const std::function<void(const std::string& line)>& say) {
  piece_.clear();
  masker_.finish(piece_);
  const bool taken = piece_.empty() || sink_(piece_);
  if (masker_.masked() > 0)
    say("the diff holds secrets: " + places(masker_.masked()) + " masked in what is shown, and the commit has them still; change them");
  return taken;
}

}  // namespace dossier::worker
