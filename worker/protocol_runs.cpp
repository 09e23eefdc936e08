// What runs report: that they began, what they made, how they ended.
#include <utility>

#include "worker/protocol.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kMaxResultBytes = 64 * 1024;
constexpr std::size_t kMaxErrorBytes = 16 * 1024;
constexpr std::size_t kMaxNameBytes = 512;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::string name_of(const v1::SourceCaptured& source) { return std::to_string(source.turn()) + " " + source.commit(); }

}  // namespace

void Protocol::on_run_started(const RunKey& run, const std::string& provider_session, Now now) {
  guard(now);
  if (!may_speak_of(run)) return;
  v1::Report report = new_report(run, now);
  report.mutable_run_started()->set_provider_session(clean_text(provider_session, kMaxNameBytes));
  send(std::move(report), now);
}

void Protocol::on_note(const RunKey& key, RunNote note, Now now) {
  guard(now);
  if (!may_speak_of(key)) return;
  v1::Report report = new_report(key, now);
  std::visit(Overloaded{[&](v1::SourceCaptured& source) { send_source(key, runs_.at(key), source, now); },
                        [&](v1::EvidenceRecorded& evidence) { *report.mutable_evidence() = std::move(evidence); },
                        [&](v1::EvidenceRejected& rejected) { *report.mutable_evidence_rejected() = std::move(rejected); },
                        [&](v1::LimitReached& limit) { *report.mutable_limit_reached() = std::move(limit); }},
             note);
  if (report.report_case() != v1::Report::REPORT_NOT_SET) send(std::move(report), now);
}

// The same work is not told twice: what the last turn left is what the run leaves, where nothing was done since.
void Protocol::send_source(const RunKey& key, Run& run, const v1::SourceCaptured& source, Now now) {
  if (run.source == name_of(source)) return;
  run.source = name_of(source);
  v1::Report report = new_report(key, now);
  *report.mutable_source() = source;
  send(std::move(report), now);
}

void Protocol::on_run_ended(const RunKey& key, RunEnd end, Now now) {
  guard(now);
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  Run run = std::move(found->second);
  runs_.erase(found);
  heartbeat_soon(now);
  if (runs_.empty()) idle_since_us_ = now.boot_us;
  if (run.asks != 0) outbox_.release(run.asks);

  if (may_speak(run)) {
    if (end.kind != RunEnd::Kind::stopped && end.source) send_source(key, run, *end.source, now);
    send_end(key, run, end, now);
  }
  if (config_.once && !completed_ && (run.started || end.kind != RunEnd::Kind::stopped)) {
    completed_ = end.kind == RunEnd::Kind::completed && may_speak(run);
    on_drain(now);
  }
  finish_if_done(now);
}

void Protocol::send_end(const RunKey& key, const Run& run, const RunEnd& end, Now now) {
  v1::Report report = new_report(key, now);
  const auto seal = [&](auto* message) {
    message->set_last_activity_sequence(end.last_activity_sequence);
    message->set_activity_root(end.activity_root);
  };
  switch (end.kind) {
    case RunEnd::Kind::completed: {
      auto* completed = report.mutable_run_completed();
      completed->mutable_result()->set_plain(clean_text(end.result, kMaxResultBytes));
      if (end.source) {
        completed->set_commit(end.source->commit());
        completed->set_branch(end.source->branch());
      }
      seal(completed);
      break;
    }
    case RunEnd::Kind::failed: {
      auto* failed = report.mutable_run_failed();
      failed->set_code(end.code);
      failed->mutable_error()->set_plain(clean_text(end.error, kMaxErrorBytes));
      failed->set_phase(end.phase);
      failed->set_retryable(end.retryable);
      seal(failed);
      break;
    }
    case RunEnd::Kind::stopped:
      if (run.stop == StopReason::cancelled) {
        auto* cancelled = report.mutable_run_cancelled();
        cancelled->set_reason(clean_text(run.stop_detail, kMaxErrorBytes));
        seal(cancelled);
      } else {
        auto* failed = report.mutable_run_failed();
        failed->set_code(std::string(to_string(run.stop)));
        failed->mutable_error()->set_plain("the worker stopped the agent");
        failed->set_phase(run.started ? "agent" : "workdir");
        failed->set_retryable(true);
        seal(failed);
      }
      break;
  }
  send(std::move(report), now);
}

}  // namespace dossier::worker
