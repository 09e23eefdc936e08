// The steps of a run, in order.
#include "worker/run_thread.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "events/names.hpp"
#include "worker/activity.hpp"
#include "worker/agent_activity.hpp"
#include "worker/registration.hpp"
#include "worker/source_report.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kPrepareUs = 600'000'000;   // a clone over a slow line
constexpr std::int64_t kActivityDrainMs = 10'000;  // at the end, for the last lines
constexpr int kUploadTries = 8;                    // paused 0.5 s, 1 s, 2 s, … : about a minute in all
constexpr std::int64_t kUploadPauseMs = 500;
constexpr std::uint32_t kOnlyTurn = 1;

std::string text_of(const v1::Text& text) { return text.plain(); }

RunEnd failed(std::string phase, std::string code, const Error& error) {
  RunEnd end;
  end.kind = RunEnd::Kind::failed;
  end.phase = std::move(phase);
  end.code = std::move(code);
  end.error = error.message;
  // What the project names wrongly stays wrong on the next worker too.
  end.retryable = error.code != Code::not_found && error.code != Code::invalid_field && error.code != Code::forbidden;
  return end;
}

}  // namespace

// The agent's side of the run.
class RunThread::Host final : public AgentHost {
 public:
  Host(RunThread& run, ActivityStream& activity) : run_(run), activity_(activity) {}

  void on_event(AgentEvent event) override {
    switch (event.kind) {
      case AgentEvent::Kind::session_started: run_.listener_.started(run_.key_, event.item); break;
      case AgentEvent::Kind::turn_started: run_.listener_.turn_began(run_.key_, kOnlyTurn, event.item); break;
      case AgentEvent::Kind::turn_ended: {
        v1::TurnEnded turn;
        turn.set_turn(kOnlyTurn);
        turn.set_tokens_in(event.tokens_in);
        turn.set_tokens_out(event.tokens_out);
        turn.set_reason(event.text);
        run_.listener_.turn_ended(run_.key_, turn);
        turn_over_ = true;
        break;
      }
      case AgentEvent::Kind::message:
      case AgentEvent::Kind::text_delta:
      case AgentEvent::Kind::reasoning:
      case AgentEvent::Kind::plan:
      case AgentEvent::Kind::tool_use:
      case AgentEvent::Kind::tool_result:
      case AgentEvent::Kind::file_change:
      case AgentEvent::Kind::token_usage:
      case AgentEvent::Kind::log_line:
      case AgentEvent::Kind::raw_item:
      case AgentEvent::Kind::command_execution:
      case AgentEvent::Kind::approval_requested:
      case AgentEvent::Kind::approval_resolved:
      case AgentEvent::Kind::steered:
      case AgentEvent::Kind::system:
      case AgentEvent::Kind::ended:
      case AgentEvent::Kind::error: break;
    }
    record_event(activity_, event);
  }
  // One turn a run: after it there is nothing more to do.
  std::vector<AgentCommand> take_commands() override {
    if (!std::exchange(turn_over_, false)) return {};
    return {AgentCommand{}};
  }
  bool congested() override { return activity_.congested(); }
  std::int64_t pump() override { return activity_.pump(); }
  Stop stop() const override {
    const int stop = run_.stop_.load();
    return stop == 0 ? Stop::no : stop == 1 ? Stop::gently : Stop::now;
  }
  process::Wakeup& wakeup() override { return run_.wakeup_; }

 private:
  RunThread& run_;
  ActivityStream& activity_;
  bool turn_over_ = false;
};

RunThread::RunThread(const RunDependencies& dependencies, RunListener listener, v1::TaskOffer offer)
    : dependencies_(dependencies), listener_(std::move(listener)), offer_(std::move(offer)), key_{offer_.task_id(), offer_.offer()}, thread_([this] {
        run();
      }) {}

RunThread::~RunThread() {
  stop_.store(2);
  wakeup_.notify();
  thread_.join();
}

void RunThread::start_agent() noexcept {
  granted_.store(true);
  wakeup_.notify();
}

void RunThread::stop(StopReason reason) noexcept {
  // Where the offer may already be somebody else's, not a moment is lost.
  const bool now = reason == StopReason::fenced || reason == StopReason::silent || reason == StopReason::revoked;
  int present = stop_.load();
  while (present < (now ? 2 : 1) && !stop_.compare_exchange_weak(present, now ? 2 : 1)) {
  }
  wakeup_.notify();
}

void RunThread::run() { listener_.ended(key_, run_steps()); }

RunEnd RunThread::run_steps() {
  const auto workdir = prepare();
  if (!workdir) return stopping() ? RunEnd{} : failed("workdir", "workdir_failed", workdir.error());
  listener_.workdir_ready(key_);
  RunEnd end;
  if (wait_for_grant()) {
    const Target target{dependencies_.activity_topic, events::partition_of(offer_.session_id(), dependencies_.activity_partitions),
                        offer_.session_id()};
    ActivityStream activity(dependencies_.identity, offer_.session_id(), offer_.task_id(), offer_.offer(), target, dependencies_.activity_writer,
                            dependencies_.clock, wakeup_);
    Host host(*this, activity);
    activity.log_line("system", "worktree on branch " + workdir->branch + " at " + workdir->base_commit);
    const auto agent = make_agent(offer_.spec().provider());
    AgentResult result;
    if (agent == nullptr) {
      result.kind = AgentResult::Kind::failed;
      result.code = "agent_unavailable";
      result.error = "this worker has no provider \"" + offer_.spec().provider() + "\"";
      result.retryable = true;
    } else {
      result = agent->run(make_request(*workdir), host);
    }
    if (result.kind == AgentResult::Kind::stopped && !stopping()) {
      result.kind = AgentResult::Kind::failed;
      result.code = "agent_failed";
      result.error = "the agent broke off its turn, and nobody had asked for it";
    }
    if (result.kind != AgentResult::Kind::stopped) {
      auto source = capture(*workdir);
      const bool completed = result.kind == AgentResult::Kind::completed;
      if (!source && completed) {
        end = failed("capture", "capture_failed", source.error());
        end.retryable = true;
      } else {
        end.kind = completed ? RunEnd::Kind::completed : RunEnd::Kind::failed;
        end.result = std::move(result.result);
        end.code = std::move(result.code);
        end.error = std::move(result.error);
        end.retryable = result.retryable;
        end.phase = completed ? "" : "agent";
      }
      if (source)
        end.source = *std::move(source);
      else
        activity.log_line("system", "the worktree was not captured: " + source.error().message);
    }
    if (stop_.load() < 2 && !activity.drain(kActivityDrainMs))
      log::warn("worker", "the last lines of " + offer_.session_id() + " are not in the log yet");
    end.last_activity_sequence = activity.last_sequence();
    end.activity_root = activity.root();
  }
  dependencies_.workdirs.release(*workdir);
  return end;
}

Result<Workdir> RunThread::prepare() {
  const v1::TaskSpec& spec = offer_.spec();
  WorkdirRequest request;
  request.project_id = spec.project_id();
  request.session_id = offer_.session_id();
  request.offer = offer_.offer();
  request.issue_number = offer_.issue_number();
  request.issue_title = text_of(spec.issue_title());
  request.source = spec.source();
  request.default_branch = spec.default_branch();
  const std::int64_t until = dependencies_.clock.boot_us() + kPrepareUs;
  return dependencies_.workdirs.prepare(request, [this, until] { return stopping() || dependencies_.clock.boot_us() >= until; });
}

bool RunThread::wait_for_grant() {
  constexpr std::int64_t kWaitMs = 1'000;  // the protocol decides when it has waited long enough
  while (!stopping() && !granted_.load()) wakeup_.wait(kWaitMs);
  return !stopping();
}

AgentRequest RunThread::make_request(const Workdir& workdir) const {
  const v1::TaskSpec& spec = offer_.spec();
  AgentRequest request;
  request.workspace_id = offer_.workspace_id();
  request.issue_id = offer_.issue_id();
  request.session_id = offer_.session_id();
  request.task_id = offer_.task_id();
  request.issue_number = offer_.issue_number();
  request.offer = offer_.offer();
  request.issue_title = text_of(spec.issue_title());
  request.agent_name = spec.agent_name();
  request.prompt = text_of(spec.prompt());
  request.instructions = text_of(spec.instructions());
  request.model = spec.model();
  request.command.assign(spec.command().begin(), spec.command().end());
  request.worktree = workdir.path;
  request.branch = workdir.branch;
  request.base_commit = workdir.base_commit;
  request.home = workdir.home;
  request.family = dependencies_.family_prefix + dependencies_.identity.boot_id + "-" + workdir.worktree;
  request.environment = agent_environment(dependencies_.account);
  request.account = dependencies_.account;
  request.timeout_ms = spec.timeout_ms() > 0 ? spec.timeout_ms() : dependencies_.default_timeout_ms;
  return request;
}

Result<v1::SourceCaptured> RunThread::capture(const Workdir& workdir) {
  const v1::TaskSpec& spec = offer_.spec();
  const std::string title = clean_text(text_of(spec.issue_title()), 200);
  const std::string message = title + " (#" + std::to_string(offer_.issue_number()) + ")\n\nDossier-Issue: " + offer_.issue_id() +
                              "\nDossier-Session: " + offer_.session_id() + "\nDossier-Offer: " + std::to_string(offer_.offer()) + "\n";
  const std::string agent = spec.agent_name().empty() ? "agent" : spec.agent_name();
  const git::Person author{agent, agent + "@agents.dossier.invalid", dependencies_.clock.wall_us()};
  // Beside the agent's home and not in it, where the agent could have left a link of this name.
  DiffCollector diff(workdir.path + ".diff");
  TRY(const Captured captured, dependencies_.workdirs.capture(workdir, message, author, [&](std::string_view piece) { return diff.add(piece); }));
  TRY_STATUS(diff.finish());
  v1::SourceCaptured source;
  source.set_session_id(offer_.session_id());
  source.set_task_id(offer_.task_id());
  source.set_offer(offer_.offer());
  source.set_base_commit(captured.base_commit);
  source.set_commit(captured.commit);
  source.set_branch(workdir.branch);
  set_files(source, captured.files);
  if (diff.is_inline()) {
    if (diff.size() > 0) source.mutable_diff()->set_plain(diff.text());
    return source;
  }
  const Status uploaded = upload(diff.file(), diff.sha256_hex());
  std::remove(diff.file().c_str());
  TRY_STATUS(uploaded);
  source.mutable_diff_blob()->set_sha256(diff.sha256_hex());
  source.mutable_diff_blob()->set_size(diff.size());
  source.mutable_diff_blob()->set_media_type("text/x-diff");
  return source;
}

Status RunThread::upload(const std::string& file, const std::string& sha256) {
  TRY(http_client::Client client, http_client::Client::make(dependencies_.api));
  const std::string target = "/v1/workspaces/" + offer_.workspace_id() + "/blobs/" + sha256;
  const http_client::Headers headers{{"content-type", "application/octet-stream"}, {"dossier-worker", dependencies_.identity.worker_id}};
  Error last = make_error(Code::shutting_down, "the upload was broken off");
  std::int64_t pause_ms = kUploadPauseMs;
  for (int tries = 0; tries < kUploadTries && stop_.load() < 2; ++tries, pause_ms *= 2) {
    const auto response = client.upload(target, file, headers);
    if (response && response->status >= 200 && response->status < 300) return {};
    last = response ? error_of_reply(*response) : response.error();
    if (response && !is_transient(last.code)) break;
    const std::int64_t until = dependencies_.clock.boot_us() + pause_ms * 1'000;
    while (stop_.load() < 2 && dependencies_.clock.boot_us() < until) wakeup_.wait((until - dependencies_.clock.boot_us()) / 1'000 + 1);
  }
  last.message = "can't upload the diff: " + last.message;
  return last;
}

}  // namespace dossier::worker
