// The worker's loops, a step at a time.
#include "tests/simulation/sim_worker.hpp"

#include <algorithm>

#include "events/names.hpp"

namespace dossier::simulation {
namespace {

constexpr std::int64_t kPollUs = 1'000'000;     // a reader that nothing wakes
constexpr std::int64_t kAnswerUs = 30'000'000;  // what follows a turn: control messages may be lost with the broker's machine

}  // namespace

SimWorker::SimWorker(Surroundings world, WorkerIdentity identity, int boot, const bool& stormy, OnStart on_start, OnTurn on_turn)
    : world_(world),
      identity_(std::move(identity)),
      boot_(identity_.id.str() + "." + std::to_string(boot)),
      stormy_(stormy),
      on_start_(std::move(on_start)),
      on_turn_(std::move(on_turn)) {
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
    hear(message);
  }
  if (world_.clock.boot_us() < control_check_us_) return {};
  TRY(const topic::Watermarks marks, control_->watermarks(topic, 0, 1'000));
  if (marks.end < control_next_) return make_error(Code::log_mismatch, "the control topic is shorter than what was read of it");
  if (marks.end == control_next_) protocol_->on_control_current(control_next_ - 1, now());
  control_check_us_ = world_.clock.boot_us() + (marks.end == control_next_ ? kPollUs : 0);
  return {};
}

// What follows a turn. The same answer twice, or one of another turn, is nothing new.
void SimWorker::hear(const v1::ControlMessage& message) {
  if (message.worker_id() != identity_.id.str()) return;
  const auto waiting = [&](const auto& part) -> Plan* {
    const auto plan = plans_.find(worker::RunKey{part.task_id(), part.offer()});
    return plan == plans_.end() || plan->second.stage != Stage::answer || plan->second.stopping ? nullptr : &plan->second;
  };
  if (message.has_next_turn()) {
    Plan* plan = waiting(message.next_turn());
    if (plan == nullptr || message.next_turn().turn() != plan->turn + 1) return;
    on_turn_(plan->session_id, message.next_turn());
    plan->turn = message.next_turn().turn();
    begin_turn({message.next_turn().task_id(), message.next_turn().offer()}, *plan);
  } else if (message.has_finish_run()) {
    Plan* plan = waiting(message.finish_run());
    if (plan == nullptr || message.finish_run().turn() != plan->turn) return;
    plan->stage = Stage::end;
    plan->due_us = world_.clock.boot_us() + between(world_.random, 0, 5'000);
  }
}

void SimWorker::begin_turn(const worker::RunKey& run, Plan& plan) {
  protocol_->on_turn_began(run, plan.turn, "turn", now());
  plan.stage = Stage::turn;
  plan.due_us = world_.clock.boot_us() + between(world_.random, 1'000, stormy_ ? 40'000'000 : 2'000'000);
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
  for (auto& action : protocol_->take_actions()) {
    const std::int64_t soon = world_.clock.boot_us() + between(world_.random, 500, 50'000);
    if (const auto* report = std::get_if<worker::SendReport>(&action)) {
      send(*report);
    } else if (const auto* prepare = std::get_if<worker::PrepareWorkdir>(&action)) {
      Plan& plan = plans_[prepare->run];
      plan.due_us = soon;
      plan.session_id = prepare->offer.session_id();
      plan.turn = prepare->offer.resume().turns() + 1;
      plan.knows_turns = chance(world_.random, 0.8);
    } else if (const auto* start = std::get_if<worker::StartAgent>(&action)) {
      plans_[start->run].due_us = soon;
      plans_[start->run].stage = Stage::start;
      on_start_(boot_, start->run);
    } else if (const auto* stop = std::get_if<worker::StopRun>(&action)) {
      if (const auto plan = plans_.find(stop->run); plan != plans_.end()) {
        plan->second.stopping = true;
        plan->second.due_us = std::min(plan->second.due_us, soon);
      }
    }
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
}

bool SimWorker::advance_runs() {
  const auto due = std::find_if(plans_.begin(), plans_.end(), [&](const auto& plan) { return plan.second.due_us <= world_.clock.boot_us(); });
  if (due == plans_.end()) return false;
  const worker::RunKey run = due->first;
  Plan& plan = due->second;
  if (plan.stopping) {
    end_run(run, true);
  } else if (plan.stage == Stage::prepare) {
    plan.due_us = std::numeric_limits<std::int64_t>::max();  // until Granted starts the agent
    protocol_->on_workdir_ready(run, now());
  } else if (plan.stage == Stage::start) {
    protocol_->on_run_started(run, "simulated", now());
    begin_turn(run, plan);
  } else if (plan.stage == Stage::turn) {
    v1::TurnEnded turn;
    turn.set_turn(plan.turn);
    turn.set_tokens_in(100);
    protocol_->on_turn_ended(run, turn, now());
    plan.stage = plan.knows_turns ? Stage::answer : Stage::end;
    plan.due_us = world_.clock.boot_us() + (plan.knows_turns ? kAnswerUs : between(world_.random, 0, 5'000));
  } else {
    end_run(run, false);
  }
  act();
  return true;
}

void SimWorker::end_run(const worker::RunKey& run, bool stopped) {
  worker::RunEnd end;
  if (!stopped) {
    const auto draw = between(world_.random, 0, 9);
    end.kind = draw < 8 ? worker::RunEnd::Kind::completed : worker::RunEnd::Kind::failed;
    end.result = "done";
    end.code = "agent_failed";
    end.phase = "agent";
    end.retryable = draw == 9;
    v1::SourceCaptured source;
    source.set_commit("c" + std::to_string(run.offer));
    end.source = source;
  }
  plans_.erase(run);
  protocol_->on_run_ended(run, std::move(end), now());
}

std::int64_t SimWorker::due_us() const {
  if (frozen_) return std::numeric_limits<std::int64_t>::max();
  std::int64_t due = std::min(read_due_us_, protocol_->next_due_us());
  for (const auto& [run, plan] : plans_) due = std::min(due, plan.due_us);
  return due;
}

void SimWorker::freeze() {
  frozen_ = true;
  writer_->freeze();
}

void SimWorker::thaw() {
  frozen_ = false;
  writer_->thaw();
}

void SimWorker::crash(bool deliver) {
  *alive_ = false;
  writer_->crash(deliver);
  offers_->crash();
}

}  // namespace dossier::simulation
