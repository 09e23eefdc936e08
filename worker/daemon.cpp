// The worker's own thread: everything that happens comes to it through the inbox, goes into the protocol, and what the
// protocol wants is done here.
#include "worker/daemon.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "events/names.hpp"
#include "platform/process/family.hpp"
#include "worker/capabilities.hpp"
#include "worker/consumers.hpp"
#include "worker/gateway_topics.hpp"
#include "worker/inbox.hpp"
#include "worker/protocol.hpp"
#include "worker/registration.hpp"
#include "worker/run_thread.hpp"
#include "worker/secret_values.hpp"
#include "worker/work_root.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kFirstPauseMs = 250;
constexpr std::int64_t kMaxPauseMs = 5'000;
constexpr std::int64_t kMaxIdleMs = 1'000;
constexpr std::int64_t kFlushMs = 5'000;
constexpr std::int64_t kGatewayLingerMs = 20;
constexpr std::size_t kHostNameBytes = 256;

std::string host_name() {
  char name[kHostNameBytes] = "worker";
  ::gethostname(name, sizeof name - 1);
  return name;
}

Status check_options(const WorkerOptions& options) {
  const auto wrong = [](const char* what) { return make_error(Code::usage, what); };
  if (options.url.empty()) return wrong("--url (or DOSSIER_URL) is missing: the address of the server");
  if (options.token.compare(0, 4, "msw_") != 0)
    return wrong("--token, --token-file or DOSSIER_TOKEN must be a worker token, msw_…; make one with `dossier worker-token create`");
  if (options.slots < 1 || options.slots > kMaxSlots) return wrong("--slots must be between 1 and 64");
  if (options.max_agents != 0 && (options.max_agents < options.slots || options.max_agents > kMaxAgents))
    return wrong("--max-agents must be no less than --slots, and 256 at most");
  if (options.once && options.slots != 1) return wrong("--once takes one task: leave --slots away, or say 1");
  if (options.warm_ms < 0) return wrong("--warm-seconds must not be negative");
  if (options.work_root.empty()) return wrong("--work-root is missing: a folder for repositories and worktrees");
  if (options.drain_ms < 0 || options.default_timeout_ms <= 0) return wrong("times must be positive");
  if (!options.account.empty() && ::geteuid() != 0) return wrong("--account needs a worker that runs as root");
  return {};
}

class Daemon {
 public:
  Daemon(const WorkerOptions& options, StopSignal& stop, AgentPool::Make make, WorkRoot root)
      : options_(options), stop_(stop), make_(std::move(make)), root_(std::move(root)), inbox_(stop.wakeup()) {}
  ~Daemon() {
    inbox_.close();  // threads that wait for room go on, and end
    runs_.clear();
    agents_.reset();
    offers_.reset();
    control_.reset();
    for (auto* writer : {reports_.get(), activity_.get()})
      if (writer != nullptr) writer->flush(kFlushMs);
  }

  Status prepare();
  Status run();

 private:
  Now now() const { return {clock_.boot_us(), clock_.wall_us()}; }
  Result<Registration> register_until_stopped(const RegistrationRequest& request);
  GatewayOptions gateway_options(const Registration& registration) const;
  Status connect(const Registration& registration);
  void take_offer(const v1::TaskOffer& offer, std::int32_t partition, std::int64_t offset);
  void commit_offsets();
  bool act();
  void tell(RunMail mail);
  Status outcome() const;
  void send(const SendReport& report);
  RunListener run_listener();
  // A job which needs the protocol at the time when it runs.
  template <class Job>
  void post(Job job) {
    inbox_.post([this, job = std::move(job)]() mutable { job(*protocol_); });
  }

  const WorkerOptions& options_;
  StopSignal& stop_;
  const AgentPool::Make make_;
  const SystemClock clock_;
  WorkRoot root_;
  Inbox inbox_;
  Identity identity_;
  Target reports_target_;
  std::optional<process::Account> account_;
  std::unique_ptr<WorkdirStore> workdirs_;
  std::unique_ptr<SessionHomes> homes_;
  std::unique_ptr<AgentPool> agents_;
  std::unique_ptr<topic::Writer> reports_;
  std::unique_ptr<topic::Writer> activity_;
  std::unique_ptr<RunDependencies> dependencies_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<ControlConsumer> control_;
  std::unique_ptr<OfferConsumer> offers_;
  OffsetTracker offsets_;
  std::map<RunKey, std::unique_ptr<RunThread>> runs_;
  Finished finished_;
};

Status Daemon::prepare() {
  if (!options_.account.empty()) {
    TRY(account_, process::find_account(options_.account));
    TRY_STATUS(check_reachable(root_.path(), *account_));
  }
  process::adopt_orphans();
  if (const std::size_t left = process::kill_marked(root_.family_prefix()); left > 0)
    log::warn("worker", "ended " + std::to_string(left) + " processes which agents of an earlier run had left");
  workdirs_ = std::make_unique<WorkdirStore>(root_.path(), account_);
  TRY_STATUS(workdirs_->repair());
  homes_ = std::make_unique<SessionHomes>(root_.path() + "/homes", account_);
  const std::size_t max_agents = options_.max_agents == 0 ? options_.slots : options_.max_agents;
  agents_ = std::make_unique<AgentPool>(clock_, AgentPool::Limits{max_agents, options_.warm_ms * 1'000}, make_);
  TRY(const crypto::KeyPair keys, root_.key_pair());
  TRY(const json::Value capabilities, probe_capabilities(options_.capabilities));

  RegistrationRequest request;
  request.name = options_.name.empty() ? host_name() : options_.name;
  request.mode = options_.mode;
  request.slots = options_.slots;
  request.capabilities = capabilities;
  request.public_key = keys.public_key;
  request.idempotency_key = crypto::random_uuid_hex();
  TRY(const Registration registration, register_until_stopped(request));
  log::info("worker", "registered as " + registration.worker_id + " in pool " + registration.pool + " with " + json::write(capabilities));

  identity_ = {registration.workspace_id, registration.worker_id, crypto::random_uuid_hex(), keys.secret_key};
  protocol_ = std::make_unique<Protocol>(ProtocolConfig{identity_.workspace_id, identity_.worker_id, identity_.boot_id, options_.slots,
                                                        providers_of(capabilities), options_.drain_ms * 1'000, options_.once},
                                         now());
  return connect(registration);
}

Result<Registration> Daemon::register_until_stopped(const RegistrationRequest& request) {
  TRY(http_client::Client client, http_client::Client::make({.base_url = options_.url, .bearer_token = options_.token}));
  std::int64_t pause_ms = kFirstPauseMs;
  for (;;) {
    auto registered = register_worker(client, request);
    if (registered) return registered;
    const Error& error = registered.error();
    // io and timeout: the server is not there (yet).
    if (!is_transient(error.code) && error.code != Code::io) {
      return make_error(error.code, options_.url + " refused the registration: " + error.message);
    }
    log::warn("worker", "can't register at " + options_.url + " (tries again): " + error.message);
    const std::int64_t until = clock_.boot_us() + pause_ms * 1'000;
    while (clock_.boot_us() < until && stop_.requests() == 0) stop_.wakeup().wait(pause_ms);
    if (stop_.requests() > 0) return make_error(Code::shutting_down, "stopped before it was registered");
    pause_ms = std::min(pause_ms * 2, kMaxPauseMs);
  }
}

GatewayOptions Daemon::gateway_options(const Registration& registration) const {
  GatewayOptions gateway;
  gateway.api = {.base_url = options_.url, .bearer_token = options_.token};
  gateway.worker_id = registration.worker_id;
  gateway.reports_topic = registration.reports_topic;
  gateway.activity_topic = registration.activity_topic;
  gateway.control_topic = registration.control_topic;
  return gateway;
}

Status Daemon::connect(const Registration& registration) {
  reports_target_ = {registration.reports_topic, events::partition_of(identity_.workspace_id, registration.reports_partitions),
                     identity_.workspace_id};
  if (options_.gateway) {
    TRY(reports_, make_gateway_writer(gateway_options(registration)));
    // Log lines may wait a little for more, as they do on their way to Kafka.
    TRY(activity_, make_gateway_writer(gateway_options(registration), {.linger_ms = kGatewayLingerMs}));
  } else {
    TRY(reports_, kafka::make_writer(registration.cluster, kafka::WriterKind::messages));
    TRY(activity_, kafka::make_writer(registration.cluster, kafka::WriterKind::activity));
  }
  std::vector<std::string> known = known_secrets(options_.token);
  for (std::string& value : secret_values(registration.cluster.properties)) known.push_back(std::move(value));  // the way to Kafka
  const auto secrets = masking::Secrets::make(known);
  if (!secrets) return secrets.error();
  dependencies_ = std::make_unique<RunDependencies>(
      RunDependencies{clock_, *workdirs_, *homes_, *agents_, *activity_, identity_, registration.activity_topic, registration.activity_partitions,
                      http_client::Options{.base_url = options_.url, .bearer_token = options_.token}, account_, root_.family_prefix(),
                      options_.default_timeout_ms, *secrets, options_.limits});
  dependencies_->known_values = std::move(known);
  dependencies_->project_secrets = [api = dependencies_->api, worker_id = identity_.worker_id](const std::string& project_id) {
    return get_project_secrets(api, worker_id, project_id);
  };
  std::unique_ptr<topic::Reader> control;
  if (options_.gateway) {
    TRY(control, make_gateway_reader(gateway_options(registration)));
  } else {
    TRY(control, kafka::make_reader(registration.cluster, {.prefetch_records = 1'000, .prefetch_kbytes = 1'024}));
  }
  ControlListener control_listener;
  control_listener.message = [this](v1::ControlMessage message, std::int64_t offset) {
    post([this, message = std::move(message), offset](Protocol& protocol) { protocol.on_control(message, offset, now()); });
  };
  control_listener.current = [this](std::int64_t last) { post([this, last](Protocol& protocol) { protocol.on_control_current(last, now()); }); };
  control_listener.unauthenticated = [this](const Error& error) {
    v1::ControlMessage revoked;
    revoked.set_workspace_id(identity_.workspace_id);
    revoked.set_worker_id(identity_.worker_id);
    revoked.mutable_revoked()->set_reason(error.message);
    post([this, revoked](Protocol& protocol) { protocol.on_control(revoked, -1, now()); });
  };
  control_ = std::make_unique<ControlConsumer>(std::move(control), registration.control_topic, std::move(control_listener));
  if (options_.gateway) return {};  // offers come with the control messages: a worker without partitions gets them there
  TRY(auto offers, kafka::make_group_reader(registration.cluster, "dossier.workers." + registration.pool, registration.tasks_topic,
                                            {.prefetch_records = 1, .prefetch_kbytes = 64}));
  OfferListener offer_listener;
  offer_listener.offer = [this](v1::TaskOffer offer, std::int32_t partition, std::int64_t offset) {
    post([this, offer = std::move(offer), partition, offset](Protocol&) { take_offer(offer, partition, offset); });
  };
  offer_listener.unreadable = [this](std::int32_t partition, std::int64_t offset) {
    post([this, partition, offset](Protocol&) { offsets_.read(partition, offset, 0); });
  };
  offer_listener.partitions = [this](std::vector<std::int32_t> partitions) {
    post([this, partitions = std::move(partitions)](Protocol& protocol) {
      offsets_.own(partitions);
      protocol.on_partitions(partitions, now());
    });
  };
  offers_ = std::make_unique<OfferConsumer>(std::move(offers), std::move(offer_listener));
  return {};
}

void Daemon::take_offer(const v1::TaskOffer& offer, std::int32_t partition, std::int64_t offset) {
  const std::uint64_t before = protocol_->outbox().last_sequence();
  protocol_->on_offer(offer, now());
  const std::uint64_t after = protocol_->outbox().last_sequence();
  offsets_.read(partition, offset, after > before ? after : 0);
}

void Daemon::commit_offsets() {
  if (const auto commits = offsets_.take(); !commits.empty() && offers_ != nullptr) offers_->commit(commits);
}

void Daemon::send(const SendReport& report) {
  v1::SignedReport outer;
  outer.set_body(report.body);
  outer.set_signature(sign_body(identity_, kReportDomain, report.body));
  const std::int64_t sent_us = clock_.boot_us();
  reports_->append({reports_target_.topic, reports_target_.partition, reports_target_.key, outer.SerializeAsString(), {}},
                   [this, sent_us, sequence = report.sequence](const topic::Appended& appended) {
                     // Anything else: the outbox sends it again, and a heartbeat is followed by the next.
                     if (appended.outcome != topic::Outcome::acknowledged) return;
                     inbox_.post_now([this, sent_us, sequence] {
                       protocol_->on_report_acknowledged(sent_us, now());
                       if (sequence != 0) offsets_.acknowledged(sequence);
                     });
                   });
}

RunListener Daemon::run_listener() {
  RunListener listener;
  listener.workdir_ready = [this](const RunKey& run) { post([this, run](Protocol& protocol) { protocol.on_workdir_ready(run, now()); }); };
  listener.started = [this](const RunKey& run, const std::string& session) {
    post([this, run, session](Protocol& protocol) { protocol.on_run_started(run, session, now()); });
  };
  listener.turn_began = [this](const RunKey& run, std::uint32_t turn, const std::string& provider_turn) {
    post([this, run, turn, provider_turn](Protocol& protocol) { protocol.on_turn_began(run, turn, provider_turn, now()); });
  };
  listener.turn_ended = [this](const RunKey& run, const v1::TurnEnded& turn) {
    post([this, run, turn](Protocol& protocol) { protocol.on_turn_ended(run, turn, now()); });
  };
  listener.approval_asked = [this](const RunKey& run, const v1::ApprovalRequested& request) {
    post([this, run, request](Protocol& protocol) { protocol.on_approval_asked(run, request, now()); });
  };
  listener.approval_withdrawn = [this](const RunKey& run, const std::string& request) {
    post([this, run, request](Protocol& protocol) { protocol.on_approval_withdrawn(run, request, now()); });
  };
  listener.approval_answered = [this](const RunKey& run, const std::string& request_id, const std::string& how) {
    post([this, run, request_id, how](Protocol& protocol) { protocol.on_approval_answered(run, request_id, how, now()); });
  };
  listener.steered = [this](const RunKey& run, const std::string& follow_up, std::uint32_t turn) {
    post([this, run, follow_up, turn](Protocol& protocol) { protocol.on_follow_up_steered(run, follow_up, turn, now()); });
  };
  listener.note = [this](const RunKey& run, RunNote note) {
    post([this, run, note = std::move(note)](Protocol& protocol) mutable { protocol.on_note(run, std::move(note), now()); });
  };
  listener.ended = [this](const RunKey& run, RunEnd end) {
    post([this, run, end = std::move(end)](Protocol& protocol) mutable {
      protocol.on_run_ended(run, std::move(end), now());
      runs_.erase(run);  // joins: the thread's last act was this job
      protocol.on_cached_projects(workdirs_->cached_projects());
    });
  };
  return listener;
}

void Daemon::tell(RunMail mail) {
  const RunKey& key = std::visit([](const auto& any) -> const RunKey& { return any.run; }, mail);
  if (const auto run = runs_.find(key); run != runs_.end()) run->second->tell(std::move(mail));
}

// False: finished.
bool Daemon::act() {
  for (auto& action : protocol_->take_actions()) {
    if (const auto* report = std::get_if<SendReport>(&action)) {
      send(*report);
    } else if (auto* prepare = std::get_if<PrepareWorkdir>(&action)) {
      runs_[prepare->run] = std::make_unique<RunThread>(*dependencies_, run_listener(), std::move(prepare->offer));
    } else if (const auto* start = std::get_if<StartAgent>(&action)) {
      if (const auto run = runs_.find(start->run); run != runs_.end()) run->second->start_agent();
    } else if (const auto* stop = std::get_if<StopRun>(&action)) {
      log::info("worker", "stops " + stop->run.task_id + " offer " + std::to_string(stop->run.offer) + ": " + std::string(to_string(stop->reason)));
      if (const auto run = runs_.find(stop->run); run != runs_.end()) run->second->stop(stop->reason);
      if (stop->reason == StopReason::revoked) agents_->close();
    } else if (auto* turn = std::get_if<BeginTurn>(&action)) {
      tell(std::move(*turn));
    } else if (auto* finish = std::get_if<FinishRun>(&action)) {
      tell(std::move(*finish));
    } else if (auto* answer = std::get_if<AnswerApproval>(&action)) {
      tell(std::move(*answer));
    } else if (auto* steer = std::get_if<Steer>(&action)) {
      tell(std::move(*steer));
    } else if (const auto* finished = std::get_if<Finished>(&action)) {
      finished_ = *finished;
      return false;
    }
  }
  return true;
}

Status Daemon::outcome() const {
  if (finished_.reason == StopReason::revoked) return make_error(Code::forbidden, "the worker's token was revoked");
  if (finished_.completed == false) return make_error(Code::internal, "the task was not completed; its session says why");
  return {};
}

Status Daemon::run() {
  protocol_->on_cached_projects(workdirs_->cached_projects());
  bool draining = false;
  for (;;) {
    if (stop_.requests() > 0 && !draining) {
      draining = true;
      log::info("worker", "drains: no new work, " + std::to_string(protocol_->running()) + " running");
      protocol_->on_drain(now());
      agents_->close();
    }
    if (stop_.requests() > 1) return make_error(Code::shutting_down, "stopped at once; what ran was ended and goes to another worker");
    for (auto& job : inbox_.take()) {
      job();
      if (!act()) return outcome();
    }
    protocol_->on_tick(now());
    if (!act()) return outcome();
    commit_offsets();
    agents_->end_idle();
    const std::int64_t wait_us = protocol_->next_due_us() - clock_.boot_us();
    stop_.wakeup().wait(std::clamp<std::int64_t>((wait_us + 999) / 1'000, 0, kMaxIdleMs));
  }
}

}  // namespace

Status run_worker(const WorkerOptions& options, StopSignal& stop, AgentPool::Make agents) {
  TRY_STATUS(check_options(options));
  TRY(WorkRoot root, WorkRoot::open(options.work_root));
  Daemon daemon(options, stop, std::move(agents), std::move(root));
  const Status prepared = daemon.prepare();
  if (!prepared && prepared.error().code == Code::shutting_down) return {};
  TRY_STATUS(prepared);
  return daemon.run();
}

}  // namespace dossier::worker
