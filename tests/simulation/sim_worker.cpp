// The worker's loops, a step at a time.
#include "tests/simulation/sim_worker.hpp"

#include <algorithm>

#include "events/names.hpp"

namespace dossier::simulation {
namespace {

constexpr std::int64_t kPollUs = 1'000'000;  // a reader that nothing wakes

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

SimWorker::SimWorker(Surroundings world, WorkerIdentity identity, int boot, const Mood& mood, AgentWatch& watch)
    : world_(world), identity_(std::move(identity)), boot_(identity_.id.str() + "." + std::to_string(boot)), mood_(mood), watch_(watch) {
  const std::string& pool = identity_.workspace.str();
  writer_ = world_.broker.make_writer(boot_);
  control_ = world_.broker.make_reader(boot_ + ".control");
  offers_ = world_.broker.make_group_reader(boot_ + ".offers", "dossier.workers." + pool, world_.topics.tasks(pool));
  worker::ProtocolConfig config;
  config.workspace_id = pool;
  config.worker_id = identity_.id.str();
  config.boot_id = boot_;
  config.slots = identity_.slots;
  config.providers = {"command"};
  protocol_ = std::make_unique<worker::Protocol>(config, now());
}

SimWorker::~SimWorker() { *alive_ = false; }

void SimWorker::step() {
  const std::int64_t now_us = world_.clock.boot_us();
  if (read_due_us_ <= now_us) {
    read_due_us_ = now_us + kPollUs;
    if (chance(world_.random, 0.5)) {
      read_control();
      read_offers();
    } else {
      read_offers();
      read_control();
    }
  }
  if (protocol_->next_due_us() <= now_us) protocol_->on_tick(now());
  act();
  advance_runs();
}

void SimWorker::read_control() {
  const Status done = step_control();
  if (!done && done.error().code == Code::log_mismatch) control_next_ = -1;
}

// As worker/consumers does it: silence is no proof that nothing was said, only the broker's own answer about the end is.
Status SimWorker::step_control() {
  const std::string topic = world_.topics.control(identity_.workspace.str());
  if (control_next_ < 0) {
    TRY(const topic::Watermarks marks, control_->watermarks(topic, 0, 1'000));
    TRY_STATUS(control_->assign({{topic, 0, marks.end}}));
    control_next_ = marks.end;
    protocol_->on_control_current(control_next_ - 1, now());
    return {};
  }
  TRY(const topic::Polled polled, control_->poll({.max_records = 100, .wait_ms = 0}));
  for (const auto& record : polled.records) {
    control_next_ = record.offset + 1;
    v1::ControlMessage message;
    if (!message.ParseFromString(record.value)) continue;
    protocol_->on_control(message, record.offset, now());
  }
  if (world_.clock.boot_us() < control_check_us_) return {};
  TRY(const topic::Watermarks marks, control_->watermarks(topic, 0, 1'000));
  if (marks.end < control_next_) return make_error(Code::log_mismatch, "the control topic is shorter than what was read of it");
  if (marks.end == control_next_) protocol_->on_control_current(control_next_ - 1, now());
  control_check_us_ = world_.clock.boot_us() + (marks.end == control_next_ ? kPollUs : 0);
  return {};
}

void SimWorker::read_offers() {
  const auto polled = offers_->poll({.max_records = 10, .wait_ms = 0});
  const auto assignment = offers_->assignment();
  if (assignment.generation != group_generation_) {
    group_generation_ = assignment.generation;
    protocol_->on_partitions(assignment.partitions, now());
  }
  if (!polled) return;
  for (const auto& record : polled->records) {
    v1::TaskOffer offer;
    if (offer.ParseFromString(record.value)) protocol_->on_offer(offer, now());
    offers_->commit(record.partition, record.offset + 1);
  }
}

void SimWorker::act() {
  const auto with_run = [&](const worker::RunKey& key, const auto& tell) {
    if (const auto run = runs_.find(key); run != runs_.end()) tell(run->second);
  };
  for (auto& action : protocol_->take_actions()) {
    std::visit(Overloaded{[&](worker::SendReport& report) { send(report); },
                          [&](worker::PrepareWorkdir& prepare) {
                            runs_.try_emplace(prepare.run, SimRun::Ports{world_, *protocol_, watch_, mood_}, boot_, prepare);
                          },
                          [&](worker::StartAgent& start) { with_run(start.run, [](SimRun& run) { run.granted(); }); },
                          [&](worker::StopRun& stop) { with_run(stop.run, [](SimRun& run) { run.stop(); }); }, [&](worker::Finished&) {},
                          [&](auto& mail) { with_run(mail.run, [&](SimRun& run) { run.hear(std::move(mail)); }); }},
               action);
  }
}

void SimWorker::send(const worker::SendReport& report) {
  v1::SignedReport message;
  message.set_body(report.body);
  message.set_signature(crypto::sign(identity_.keys.secret_key, std::string("dossier.reports") + '\0' + report.body));
  topic::Outgoing record;
  record.topic = world_.topics.reports();
  record.partition = events::partition_of(identity_.workspace.str(), world_.log.partitions);
  record.key = identity_.workspace.str();
  record.value = message.SerializeAsString();
  const std::int64_t sent = world_.clock.boot_us();
  writer_->append(std::move(record), [this, alive = alive_, sent](const topic::Appended& appended) {
    if (*alive && appended.outcome == topic::Outcome::acknowledged) protocol_->on_report_acknowledged(sent, now());
  });
  if (!freezes_with_result_) return;
  v1::Report body;
  if (body.ParseFromString(report.body) && body.has_run_completed()) freeze();
}

void SimWorker::advance_runs() {
  const auto due = std::find_if(runs_.begin(), runs_.end(), [&](const auto& run) { return run.second.due_us() <= world_.clock.boot_us(); });
  if (due == runs_.end()) return;
  if (!due->second.step()) runs_.erase(due);
  act();
}

std::int64_t SimWorker::due_us() const {
  if (frozen_) return std::numeric_limits<std::int64_t>::max();
  std::int64_t due = std::min(read_due_us_, protocol_->next_due_us());
  for (const auto& [key, run] : runs_) due = std::min(due, run.due_us());
  return due;
}

void SimWorker::freeze() {
  frozen_ = true;
  freezes_with_result_ = false;
  writer_->freeze();
}

void SimWorker::thaw() {
  frozen_ = false;
  freezes_with_result_ = false;
  writer_->thaw();
}

void SimWorker::crash(bool deliver) {
  *alive_ = false;
  writer_->crash(deliver);
  offers_->crash();
}

}  // namespace dossier::simulation
