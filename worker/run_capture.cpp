// Commit, diff, upload.
#include "worker/run_capture.hpp"

#include <cstdio>
#include <utility>

#include "worker/registration.hpp"
#include "worker/run_evidence.hpp"
#include "worker/source_report.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr int kUploadTries = 8;  // paused 0.5 s, 1 s, 2 s, … : about a minute in all
constexpr std::int64_t kUploadPauseMs = 500;
constexpr std::size_t kMaxTitle = 200;
constexpr int kMaxToldLeftOut = 10;

}  // namespace

Result<v1::SourceCaptured> RunCapture::capture(std::uint32_t turn) {
  const v1::TaskOffer& offer = parts_.offer;
  const Workdir& workdir = parts_.workdir;
  const std::string title = clean_text(offer.spec().issue_title().plain(), kMaxTitle);
  const std::string message = title + " (#" + std::to_string(offer.issue_number()) + ")\n\nDossier-Issue: " + offer.issue_id() +
                              "\nDossier-Session: " + offer.session_id() + "\nDossier-Offer: " + std::to_string(offer.offer()) + "\n";
  const std::string agent = offer.spec().agent_name().empty() ? "agent" : offer.spec().agent_name();
  const git::Person author{agent, agent + "@agents.dossier.invalid", parts_.dependencies.clock.wall_us()};
  // Beside the worktree and not in it, where the agent could have left a link of this name.
  DiffCollector diff(workdir.path + ".diff");
  DiffMasker masked(parts_.dependencies.secrets, [&](std::string_view piece) { return diff.add(piece); });
  TRY(const Captured captured,
      parts_.dependencies.workdirs.capture(workdir, message, author, [&](std::string_view piece) { return masked.add(piece); }));
  masked.finish(parts_.say);
  TRY_STATUS(diff.finish());
  v1::SourceCaptured source;
  source.set_session_id(offer.session_id());
  source.set_task_id(offer.task_id());
  source.set_offer(offer.offer());
  source.set_turn(turn);
  if (!captured.proposal_refused.empty()) parts_.say("the branch keeps its name: " + captured.proposal_refused);
  int told = 0;
  for (const std::string& one : captured.left_out)
    if (told++ < kMaxToldLeftOut) parts_.say("not in the commit: " + one);
  if (!diff.is_inline()) {
    const Status uploaded = upload(diff.file(), diff.sha256_hex());
    std::remove(diff.file().c_str());
    TRY_STATUS(uploaded);
  }
  set_captured(source, captured, diff);
  return source;
}

Status RunCapture::upload(const std::string& file, const std::string& sha256) {
  const RunDependencies& with = parts_.dependencies;
  TRY(http_client::Client client, http_client::Client::make(with.api));
  const std::string target = "/v1/workspaces/" + parts_.offer.workspace_id() + "/blobs/" + sha256;
  const http_client::Headers headers{{"content-type", "application/octet-stream"}, {"dossier-worker", with.identity.worker_id}};
  Error last = make_error(Code::shutting_down, "the upload was broken off");
  std::int64_t pause_ms = kUploadPauseMs;
  for (int tries = 0; tries < kUploadTries && !parts_.stop.now(); ++tries, pause_ms *= 2) {
    const auto response = client.upload(target, file, headers);
    if (response && response->status >= 200 && response->status < 300) return {};
    last = response ? error_of_reply(*response) : response.error();
    if (response && !is_transient(last.code)) break;
    const std::int64_t until = with.clock.boot_us() + pause_ms * 1'000;
    while (!parts_.stop.now() && with.clock.boot_us() < until) parts_.wakeup.wait((until - with.clock.boot_us()) / 1'000 + 1);
  }
  last.message = "can't upload it: " + last.message;
  return last;
}

}  // namespace dossier::worker
