// The steps of a run, in order.
#include "worker/run_thread.hpp"

#include <utility>

#include "base/log.hpp"
#include "events/names.hpp"
#include "worker/activity.hpp"
#include "worker/run_agent.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kPrepareUs = 600'000'000;   // a clone over a slow line
constexpr std::int64_t kActivityDrainMs = 10'000;  // at the end, for the last lines

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

RunThread::RunThread(const RunDependencies& dependencies, RunListener listener, v1::TaskOffer offer)
    : dependencies_(dependencies), listener_(std::move(listener)), offer_(std::move(offer)), key_{offer_.task_id(), offer_.offer()}, thread_([this] {
        run();
      }) {}

RunThread::~RunThread() {
  stop_.level.store(2);
  wakeup_.notify();
  thread_.join();
}

void RunThread::start_agent() noexcept {
  granted_.store(true);
  wakeup_.notify();
}

void RunThread::stop(StopReason reason) noexcept {
  // Where the offer may already be somebody else's, not a moment is lost.
  const int wanted = reason == StopReason::fenced || reason == StopReason::silent || reason == StopReason::revoked ? 2 : 1;
  int present = stop_.level.load();
  while (present < wanted && !stop_.level.compare_exchange_weak(present, wanted)) {
  }
  wakeup_.notify();
}

void RunThread::run() { listener_.ended(key_, run_steps()); }

RunEnd RunThread::run_steps() {
  const std::int64_t until = dependencies_.clock.boot_us() + kPrepareUs;
  const git::ShouldStop should_stop = [this, until] { return stop_.asked() || dependencies_.clock.boot_us() >= until; };
  const auto secrets = open_secrets(should_stop);
  if (!secrets) return stop_.asked() ? RunEnd{} : failed("workdir", "secrets_unavailable", secrets.error());
  const auto workdir = prepare(*secrets, should_stop);
  if (!workdir) return stop_.asked() ? RunEnd{} : masked(failed("workdir", "workdir_failed", with_advice(workdir.error(), *secrets)));
  listener_.workdir_ready(key_);
  RunEnd end;
  if (wait_for_grant()) end = run_agent(*workdir);
  dependencies_.workdirs.release(*workdir);
  return end;
}

RunEnd RunThread::run_agent(const Workdir& workdir) {
  const auto home = dependencies_.homes.open(offer_.session_id(), offer_.offer(), offer_.resume().provider_session());
  if (!home) return masked(failed("workdir", "workdir_failed", home.error()));
  const Target target{dependencies_.activity_topic, events::partition_of(offer_.session_id(), dependencies_.activity_partitions),
                      offer_.session_id()};
  ActivityStream activity(dependencies_.identity, offer_.session_id(), offer_.task_id(), offer_.offer(), target, dependencies_.activity_writer,
                          dependencies_.clock, wakeup_);
  activity.log_line("system", "worktree on branch " + workdir.branch + (workdir.continued ? ", gone on with, from " : " at ") + workdir.base_commit);
  for (const Recovery& one : workdir.recovered) activity.log_line("system", "the worktree was mended: " + one.state + ": " + one.detail);
  RunEnd end;
  {
    RunAgent agent({dependencies_, listener_, offer_, key_, workdir, *home, mailbox_, wakeup_, stop_, activity});
    end = agent.run();
  }
  if (!stop_.now() && !activity.drain(kActivityDrainMs)) log::warn("worker", "the last lines of " + offer_.session_id() + " are not in the log yet");
  end.last_activity_sequence = activity.last_sequence();
  end.activity_root = activity.root();
  dependencies_.homes.close(*home);
  return end;
}

// What the run's parts mask is set here, before any of them is made.
Result<ProjectSecrets> RunThread::open_secrets(const git::ShouldStop& should_stop) {
  const std::string& project = offer_.spec().project_id();
  if (project.empty() || !dependencies_.project_secrets) return ProjectSecrets{};
  TRY(ProjectSecrets secrets,
      get_until([&] { return dependencies_.project_secrets(project); }, should_stop, [&](std::int64_t ms) { wakeup_.wait(ms); }));
  if (secrets.values.empty()) return secrets;
  std::vector<std::string> values = dependencies_.known_values;
  values.insert(values.end(), secrets.values.begin(), secrets.values.end());
  TRY(dependencies_.secrets, masking::Secrets::make(values));
  return secrets;
}

// Who sees the error may not know that credentials are the project's to give.
Error RunThread::with_advice(Error error, const ProjectSecrets& secrets) const {
  const git::Credentials given = credentials_for(secrets, offer_.spec().source());
  if (error.code == Code::forbidden && offer_.spec().source().has_git_url() && given.password.empty() && given.ssh_key.empty())
    error.message += "; the project has no credentials for it: dossier project secret set " + offer_.spec().project_id();
  return error;
}

RunEnd RunThread::masked(RunEnd end) const {
  if (dependencies_.secrets != nullptr) end.error = masking::mask_text(dependencies_.secrets, end.error);
  return end;
}

Result<Workdir> RunThread::prepare(const ProjectSecrets& secrets, const git::ShouldStop& should_stop) {
  const v1::TaskSpec& spec = offer_.spec();
  WorkdirRequest request;
  request.project_id = spec.project_id();
  request.session_id = offer_.session_id();
  request.offer = offer_.offer();
  request.issue_number = offer_.issue_number();
  request.issue_title = spec.issue_title().plain();
  request.source = spec.source();
  request.default_branch = spec.default_branch();
  request.issue_id = offer_.issue_id();
  request.copy_generation = spec.copy_generation();
  request.credentials = credentials_for(secrets, spec.source());
  return dependencies_.workdirs.prepare(request, should_stop);
}

bool RunThread::wait_for_grant() {
  constexpr std::int64_t kWaitMs = 1'000;  // the protocol decides when it has waited long enough
  while (!stop_.asked() && !granted_.load()) wakeup_.wait(kWaitMs);
  return !stop_.asked();
}

}  // namespace dossier::worker
