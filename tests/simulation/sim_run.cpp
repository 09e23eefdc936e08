// What the agent does, and how it is told.
#include "tests/simulation/sim_run.hpp"

#include <algorithm>
#include <utility>

namespace dossier::simulation {
namespace {

constexpr int kMaxRestarts = 8;
constexpr double kAsks = 0.4;  // in a turn
constexpr double kDies = 0.03;
constexpr double kDiesWaiting = 0.15;  // for an answer
constexpr double kDiesTold = 0.6;      // of a follow-up, with a question open: the run goes on with another process

}  // namespace

SimRun::SimRun(Ports ports, const std::string& boot, const worker::PrepareWorkdir& prepare)
    : ports_(ports),
      agent_{boot, prepare.run, prepare.offer.session_id(), 0},
      key_(prepare.run),
      knows_turns_(chance(ports.world.random, 0.8)),
      first_inputs_(prepare.offer.resume().inputs().begin(), prepare.offer.resume().inputs().end()),
      approvals_(prepare.offer.offer(), prepare.offer.resume()),
      turn_(prepare.offer.resume().turns() + 1) {
  soon([this] { ports_.protocol.on_workdir_ready(key_, now()); });
}

// ---- time

std::int64_t SimRun::due_us() const {
  const std::int64_t mail = reads_mail() && !mailbox_.empty() ? mail_due_us_ : std::numeric_limits<std::int64_t>::max();
  return doings_.empty() ? mail : std::min(mail, doings_.begin()->first);
}

bool SimRun::step() {
  const std::int64_t now_us = ports_.world.clock.boot_us();
  if (reads_mail() && !mailbox_.empty() && mail_due_us_ <= now_us) {
    read_mail();
  } else if (!doings_.empty() && doings_.begin()->first <= now_us) {
    const auto doing = std::move(doings_.begin()->second);
    doings_.erase(doings_.begin());
    doing();
  }
  return !over_;
}

void SimRun::after(std::int64_t least_us, std::int64_t most_us, std::function<void()> doing) {
  doings_.emplace(ports_.world.clock.boot_us() + between(ports_.world.random, least_us, most_us), std::move(doing));
}

// ---- what the worker says

bool SimRun::reads_mail() const { return stage_ == Stage::decisions || stage_ == Stage::turn || stage_ == Stage::answer; }

void SimRun::granted() {
  ports_.watch.started(agent_);
  stage_ = Stage::decisions;
  soon([this] { go_on_if_decided(); });
}

void SimRun::stop() {
  doings_.clear();
  stage_ = Stage::end;
  soon([this] { end_run(Ending::stopped); });
}

void SimRun::hear(worker::RunMail mail) {
  if (mailbox_.empty()) mail_due_us_ = ports_.world.clock.boot_us() + between(ports_.world.random, 500, 50'000);
  mailbox_.push_back(std::move(mail));
}

void SimRun::read_mail() {
  for (auto& mail : std::exchange(mailbox_, {})) {
    if (auto* next = std::get_if<worker::BeginTurn>(&mail)) {
      if (stage_ != Stage::answer) continue;
      ports_.watch.turn(agent_, *next);
      turn_ = next->turn;
      begin_turn();
    } else if (std::holds_alternative<worker::FinishRun>(mail)) {
      if (stage_ != Stage::answer) continue;
      stage_ = Stage::end;
      after(0, 5'000, [this] { finish(); });
    } else if (const auto* answer = std::get_if<worker::AnswerApproval>(&mail)) {
      act(approvals_.on_decided(answer->provider_request, answer->resolved));
    } else if (const auto* steer = std::get_if<worker::Steer>(&mail)) {
      if (stage_ == Stage::turn && chance(ports_.world.random, 0.9)) soon([this, id = steer->input.follow_up_id()] { take_steer(id); });
    }
  }
  if (stage_ == Stage::decisions) soon([this] { go_on_if_decided(); });
}

// ---- the agent

// As long as something is open that an earlier process asked for, no new one is started.
void SimRun::go_on_if_decided() {
  if (stage_ != Stage::decisions || approvals_.has_undecided()) return;
  ++agent_.process;
  names_ = 0;
  const auto quotes = approvals_.quotes();
  for (const auto& quote : quotes)
    if (quote.resolved().decision().starts_with("accept")) quoted_.push_back(quote.request().command().plain());
  ports_.watch.prompted(agent_, first_inputs_, quotes);
  if (agent_.process == 1) ports_.protocol.on_run_started(key_, "simulated", now());
  begin_turn();
}

void SimRun::begin_turn() {
  stage_ = Stage::turn;
  wants_end_ = false;
  ports_.protocol.on_turn_began(key_, turn_, "turn", now());
  act(approvals_.on_quoted());
  const std::int64_t length_us = between(ports_.world.random, 1'000, ports_.mood.stormy ? 40'000'000 : 2'000'000);
  if (chance(ports_.world.random, ports_.mood.restless ? 1 : kAsks))
    for (auto left = between(ports_.world.random, 1, 2); left > 0; --left) after(0, std::min<std::int64_t>(length_us, 3'000'000), [this] { ask(); });
  if (chance(ports_.world.random, kDies)) after(0, length_us, [this] { die(); });
  after(length_us, length_us, [this] { want_end(); });
}

// The founding's policy allows ls and denies rm; all else is for people. What was allowed before is asked for in the same words.
std::string SimRun::draw_command() {
  Random& random = ports_.world.random;
  if (!quoted_.empty() && chance(random, 0.5)) {
    std::string again = std::move(quoted_.back());
    quoted_.pop_back();
    return again;
  }
  const double draw = fraction(random);
  const std::string program = draw < 0.15 ? "ls " : draw < 0.25 ? "rm " : "make ";
  return program + agent_.boot + "-" + std::to_string(key_.offer) + "-" + std::to_string(agent_.process) + "-" + std::to_string(names_);
}

void SimRun::ask() {
  worker::AgentApproval approval;
  approval.kind = "command";
  approval.command = draw_command();
  approval.request = std::to_string(names_++);
  approval.cwd = ".";
  questions_[approval.request] = {approval.command, false};
  act(approvals_.on_asked(approval, "item", turn_));
  if (chance(ports_.world.random, 0.1)) after(0, 5'000'000, [this, name = approval.request] { withdraw(name); });
  if (chance(ports_.world.random, kDiesWaiting)) after(0, 10'000'000, [this] { die(); });
}

void SimRun::withdraw(const std::string& name) {
  const auto question = questions_.find(name);
  if (question == questions_.end() || question->second.told) return;
  questions_.erase(question);
  act(approvals_.on_settled(name));
  if (wants_end_ && questions_.empty()) soon([this] { end_turn(); });
}

void SimRun::act(worker::ApprovalActions actions) {
  for (auto& action : actions) {
    if (auto* ask = std::get_if<worker::AskApproval>(&action))
      ports_.protocol.on_approval_asked(key_, std::move(ask->request), now());
    else if (auto* tell = std::get_if<worker::TellAgent>(&action))
      soon([this, command = std::move(tell->command)] { be_answered(command); });
    else if (const auto* known = std::get_if<worker::ApprovalKnown>(&action))
      ports_.protocol.on_approval_answered(key_, known->request_id, known->how, now());
    else if (const auto* withdrawn = std::get_if<worker::ApprovalWithdrawn>(&action))
      ports_.protocol.on_approval_withdrawn(key_, withdrawn->provider_request, now());
  }
}

// A process passes over the answer to what it does not ask any more.
void SimRun::be_answered(const worker::AgentCommand& answer) {
  const auto question = questions_.find(answer.request);
  if (question == questions_.end()) return;
  ports_.watch.answered(agent_, question->second.command, answer);
  question->second.told = true;
  soon([this, name = answer.request] {
    questions_.erase(name);
    act(approvals_.on_settled(name));
    if (wants_end_ && questions_.empty()) soon([this] { end_turn(); });
  });
}

void SimRun::take_steer(const std::string& follow_up_id) {
  ports_.watch.steered(agent_, follow_up_id);
  ports_.protocol.on_follow_up_steered(key_, follow_up_id, turn_, now());
  if (!questions_.empty() && chance(ports_.world.random, kDiesTold)) after(0, 50'000, [this] { die(); });
}

// It waits for the answers to what it asked, as a rule; some think no more of it, and some fail with it.
void SimRun::want_end() {
  wants_end_ = true;
  const double draw = fraction(ports_.world.random);
  if (questions_.empty() || draw < 0.08) return end_turn();
  if (draw < 0.16) end_run(Ending::failed);
}

void SimRun::end_turn() {
  if (stage_ != Stage::turn) return;
  doings_.clear();
  questions_.clear();
  act(approvals_.on_turn_over());
  v1::TurnEnded turn;
  turn.set_turn(turn_);
  turn.set_tokens_in(100);
  turn.set_reason("completed");
  restarts_ = 0;
  ports_.protocol.on_turn_ended(key_, turn, now());
  stage_ = knows_turns_ ? Stage::answer : Stage::end;
  if (!knows_turns_) after(0, 5'000, [this] { finish(); });
}

// With a question open the run goes on once it is decided; else it has failed.
void SimRun::die() {
  doings_.clear();
  questions_.clear();
  if (!approvals_.has_unsettled() || ++restarts_ > kMaxRestarts) return end_run(Ending::lost);
  approvals_.on_agent_lost();
  ++turn_;
  stage_ = Stage::decisions;
  soon([this] { go_on_if_decided(); });
}

void SimRun::finish() { end_run(chance(ports_.world.random, 0.8) ? Ending::done : Ending::failed); }

void SimRun::end_run(Ending ending) {
  worker::RunEnd end;
  if (ending != Ending::stopped) {
    end.kind = ending == Ending::done ? worker::RunEnd::Kind::completed : worker::RunEnd::Kind::failed;
    end.result = "done";
    end.code = ending == Ending::lost ? "agent_lost" : "agent_failed";
    end.phase = "agent";
    end.retryable = ending == Ending::lost || chance(ports_.world.random, 0.5);
    v1::SourceCaptured source;
    source.set_commit("c" + std::to_string(key_.offer));
    end.source = source;
  }
  over_ = true;
  ports_.protocol.on_run_ended(key_, std::move(end), now());
}

}  // namespace dossier::simulation
