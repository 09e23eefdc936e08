// From a command to its answer.
#include "producers/command_runner.hpp"

#include <chrono>
#include <future>

#include "base/log.hpp"
#include "base/mutation.hpp"
#include "producers/command_core.hpp"

namespace dossier::producers {
namespace {

constexpr int kMaxReadRounds = 3;  // of a decision that asks for more each time; then it reads alone

Error transient(Code code, std::string message, std::int64_t retry_after_ms) {
  Error error = make_error(code, std::move(message));
  error.retry_after_ms = retry_after_ms;
  return error;
}

}  // namespace

void CommandRunner::Core::run(Command command, Done done) {
  OpPtr op(new Op);  // not make_shared: deadlines hold weak pointers and must not hold the memory
  op->command = std::move(command);
  op->done = std::move(done);
  op->partition = log_.partition_of(op->command.context.workspace);
  op->started_us = clock_.boot_us();
  if (!op->command.hot_stream.empty()) op->hot_key = op->command.context.workspace.str() + '\n' + op->command.hot_stream;

  std::optional<Error> refusal;
  Turn turn = Turn::now;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      refusal = transient(Code::shutting_down, "the server is stopping", 1'000);
    } else if (in_flight_ >= options_.max_in_flight) {
      refusal = transient(Code::overloaded, "too many commands are in flight", 500);
    } else {
      if (!op->hot_key.empty()) turn = hot_.enter(op->hot_key, op);
      if (turn == Turn::full) {
        refusal = transient(Code::overloaded, "too many commands wait for " + op->command.hot_stream, 500);
      } else {
        ++in_flight_;
        metrics_.in_flight.fetch_add(1, std::memory_order_relaxed);
      }
    }
  }
  if (refusal) {
    metrics_.failed.fetch_add(1, std::memory_order_relaxed);
    return op->done(std::move(*refusal));
  }
  if (turn == Turn::queued) return;
  if (!start(op, false)) finish(op, transient(Code::overloaded, "the server has no room for another command", 500));
}

// `in_line`: others wait for the same hot stream in this process. A thread of the executor's goes on with a command of its own:
// another one would have to be woken; but not with the next in line, which may be one of many.
bool CommandRunner::Core::start(const OpPtr& op, bool in_line) {
  auto job = [self = shared_from_this(), op] { self->decide(op); };
  const bool others_lose = in_line && board_.others_lose(op->partition);
  const std::int64_t way = contention_.give_way_us(op->hot_key, others_lose, clock_.boot_us());
  if (way == 0 && !in_line && executor_.is_running_here()) {
    job();
    return true;
  }
  return way == 0 ? executor_.post(std::move(job)) : executor_.post_after(way, std::move(job));
}

// An append is without an answer for long: better to refuse before deciding than to leave another command open.
bool CommandRunner::Core::log_stalls() {
  std::vector<OpPtr> held;  // released without the lock
  const std::lock_guard lock(mutex_);
  while (!ack_deadlines_.empty()) {
    const Deadline& oldest = ack_deadlines_.front();
    if (!is_over(oldest, held.emplace_back(oldest.op.lock())))
      return clock_.boot_us() - (oldest.due_us - options_.ack_timeout_us) > options_.stall_us;
    ack_deadlines_.pop_front();
  }
  return false;
}

// On the executor.
void CommandRunner::Core::decide(const OpPtr& op) {
  if (log_stalls()) return finish(op, transient(Code::log_unavailable, "the log does not answer", 1'000));
  if (const Status ready = board_.ready(op->partition); !ready) return finish(op, ready.error());
  if (!op->reads_alone && op->asked.empty()) {
    // The decision, told nothing, says by its first questions what to read for it.
    const std::vector<StreamState> none;
    SharedSnapshot nothing(op->command.context.workspace, op->asked, none);
    op->command.context.now_us = clock_.wall_us();
    (void)op->command.decide(nothing, op->command.context);
    op->reads_alone = nothing.needs_its_own() || nothing.missing().empty();
    op->asked = nothing.missing();
  }
  if (op->reads_alone) return decide_alone(op);
  ask(op);
}

void CommandRunner::Core::ask(const OpPtr& op) {
  const CommandContext& context = op->command.context;
  StatesWanted wanted{context.workspace, op->asked, std::nullopt};
  if (op->command.premise) wanted.head_of = op->command.premise->workspace;
  if (auto recent = find_recent(*op, wanted)) return decide_on(op, *std::move(recent));
  // A key of this server's own making is unknown to everybody else, and a void attempt leaves nothing behind.
  if (!context.fresh_key) wanted.commit = context.commit_id;
  reads_->read(std::move(wanted), [self = shared_from_this(), op](Result<StatesRead> read) { self->decide_on(op, std::move(read)); });
}

// States that need no read. Not after a round that was lost: what it was decided on may have been late.
std::optional<StatesRead> CommandRunner::Core::find_recent(const Op& op, const StatesWanted& wanted) {
  const CommandContext& context = op.command.context;
  if (recent_ == nullptr || op.redecisions > 0 || !(context.fresh_key || context.seldom_repeated)) return std::nullopt;
  return recent_->find(wanted);
}

Status CommandRunner::Core::confirm_premise(Op& op) {
  if (!op.command.premise) return {};
  const Premise premise = *std::exchange(op.command.premise, std::nullopt);
  return premise.confirm();
}

// On the executor, with what is known here or was read for this command in a read that others shared.
void CommandRunner::Core::decide_on(const OpPtr& op, Result<StatesRead> read) {
  if (!read) return finish(op, std::move(read).error());
  CommandContext& context = op->command.context;
  if (op->command.premise && read->head == op->command.premise->head) op->command.premise.reset();
  if (const Status holds = confirm_premise(*op); !holds) return finish(op, holds.error());
  if (read->accepted) return finish(op, answer_as_first(*std::move(read->accepted), context));
  SharedSnapshot snapshot(context.workspace, op->asked, read->states);
  context.now_us = clock_.wall_us();
  auto decision = op->command.decide(snapshot, context);
  const bool more = !snapshot.missing().empty();
  const bool ends_here = !more && (!decision || decision->events.empty());  // to be checked by a snapshot of its own
  if (snapshot.needs_its_own() || ends_here || (more && ++op->read_rounds >= kMaxReadRounds)) {
    op->reads_alone = true;
    return decide_alone(op);
  }
  if (more) {  // all of it anew: what a decision reads is of one moment
    op->asked.insert(op->asked.end(), snapshot.missing().begin(), snapshot.missing().end());
    return ask(op);
  }
  op->commit = commit_of(context, *std::move(decision));
  append(op);
}

void CommandRunner::Core::decide_alone(const OpPtr& op) {
  if (const Status holds = confirm_premise(*op); !holds) return finish(op, holds.error());
  auto answer = decide_once(*op);
  if (!answer) return finish(op, std::move(answer).error());
  if (*answer) return finish(op, std::move(**answer));
  append(op);
}

// nullopt: op.commit is to be appended.
Result<std::optional<Committed>> CommandRunner::Core::decide_once(Op& op) {
  CommandContext& context = op.command.context;
  const std::int64_t known = board_.next_offset(op.partition);  // before the snapshot, which is at least as new then
  TRY(const std::unique_ptr<Snapshot> snapshot, store_.snapshot());
  if (!context.fresh_key) {
    TRY(std::optional<AcceptedCommit> first, snapshot->accepted(context.workspace, context.commit_id));
    if (first) {
      TRY(Committed answer, answer_as_first(std::move(*first), context));
      return std::optional<Committed>(std::move(answer));
    }
  }
  context.now_us = clock_.wall_us();
  auto decided = op.command.decide(*snapshot, context);
  // A commit that was decided on an old state is void. A refusal, or the answer that nothing is to be done, is not checked by
  // anybody after us: it must not come from a database that has forgotten what was acknowledged.
  if ((!decided && !is_transient(decided.error().code)) || (decided && decided->events.empty()))
    TRY_STATUS(is_present(*snapshot, op.partition, known));
  TRY(Decision decision, std::move(decided));
  if (decision.events.empty()) {
    AcceptedCommit present;
    TRY(present.seq, snapshot->seq(context.workspace));
    present.id = context.commit_id;
    present.workspace = context.workspace;
    present.partition = op.partition;
    present.offset = -1;
    present.time_us = context.now_us;
    return std::optional<Committed>(Committed{std::move(present), false});
  }
  op.commit = commit_of(context, std::move(decision));
  return std::optional<Committed>();
}

void CommandRunner::Core::append(const OpPtr& op) {
  std::uint64_t attempt = 0;
  {
    const std::lock_guard lock(mutex_);
    attempt = ++op->attempt;
    op->appended_us = clock_.boot_us();
    op->phase = Phase::appending;
    op->offset = -1;
  }
  watch(op, attempt, Phase::appending, options_.ack_timeout_us);
  const Status sent = log_.append(
      op->commit, [self = shared_from_this(), op, attempt](const topic::Appended& appended) { self->on_appended(op, attempt, appended); });
  if (!sent && end_attempt(*op, attempt, Phase::appending)) finish(op, sent.error());
}

// True: the caller ended this attempt and nobody else will.
bool CommandRunner::Core::end_attempt(Op& op, std::uint64_t attempt, Phase phase) {
  const std::lock_guard lock(mutex_);
  if (op.attempt != attempt || op.phase != phase) return false;
  op.phase = Phase::idle;
  return true;
}

// On a thread of the writer, or inside append().
void CommandRunner::Core::on_appended(const OpPtr& op, std::uint64_t attempt, const topic::Appended& appended) {
  const bool durable = appended.outcome == topic::Outcome::acknowledged && appended.offset >= 0;
  if (!durable) {
    if (!end_attempt(*op, attempt, Phase::appending)) return;
    if (mutation::on(mutation::Name::answer_before_durable) && appended.outcome == topic::Outcome::unknown)
      return soon([self = shared_from_this(), op] {
        self->settle(op, {.offset = 0, .verdict = events::Verdict::accepted, .seq = 1, .time_us = 0, .versions = {}});
      });
    Error error = appended.outcome == topic::Outcome::refused
                      ? transient(appended.code, "the log did not take the commit: " + appended.reason, 1'000)
                      : transient(Code::unacknowledged, "the log has not acknowledged the commit: it is open until a record settles it", 2'000);
    return soon([self = shared_from_this(), op, error = std::move(error)] { self->finish(op, error); });
  }
  {
    const std::lock_guard lock(mutex_);
    if (op->attempt != attempt || op->phase != Phase::appending) return;  // given up as unacknowledged
    op->phase = Phase::awaiting;
    op->offset = appended.offset;
  }
  auto ticket = board_.await(op->partition, appended.offset,
                             [self = shared_from_this(), op, attempt](const Decided& decided) { self->on_verdict(op, attempt, decided); });
  if (!ticket) {  // too many wait: it is durable, and nobody here will learn its verdict
    if (end_attempt(*op, attempt, Phase::awaiting))
      soon([self = shared_from_this(), op] { self->finish(op, make_error(Code::undecided, "recorded, and not decided yet")); });
    return;
  }
  if (ticket->id == 0) return;  // answered already
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    gone = op->attempt != attempt || op->phase != Phase::awaiting;
    if (!gone) op->ticket = *ticket;
  }
  if (gone) {
    board_.cancel(*ticket);
    return;
  }
  watch(op, attempt, Phase::awaiting, options_.verdict_timeout_us);
}

// On the thread that brings the verdict.
void CommandRunner::Core::on_verdict(const OpPtr& op, std::uint64_t attempt, const Decided& decided) {
  if (!end_attempt(*op, attempt, Phase::awaiting)) return;
  contention_.round_took(clock_.boot_us() - op->appended_us);
  if (decided.verdict != events::Verdict::accepted) return soon([self = shared_from_this(), op, decided] { self->settle(op, decided); });
  // Verdicts come by the batch, and the thread that brings them should not pay for a job each.
  if (!accepted_.add({op, decided})) return;
  soon([self = shared_from_this()] {
    for (const auto& [op, decided] : self->accepted_.take()) self->settle(op, decided);
  });
}

void CommandRunner::Core::settle(const OpPtr& op, const Decided& decided) {
  const bool is_anothers = !decided.commit_id.empty() && decided.commit_id != op->command.context.commit_id.str();
  if (is_anothers && !mutation::on(mutation::Name::answer_by_offset_alone)) {
    log::error("producers", "partition " + std::to_string(op->partition) + " gave offset " + std::to_string(decided.offset) + " to " +
                                op->command.context.commit_id.str() + ", and " + decided.commit_id + " was applied there: the log lost its tail");
    return finish(op, make_error(Code::undecided, "recorded where another record was applied: the log lost its tail, and an operator has to act"));
  }
  switch (decided.verdict) {
    case events::Verdict::accepted: {
      AcceptedCommit commit;
      commit.id = op->command.context.commit_id;
      commit.workspace = op->command.context.workspace;
      commit.seq = decided.seq;
      commit.partition = op->partition;
      commit.offset = decided.offset;
      commit.time_us = decided.time_us;
      commit.commit = std::move(op->commit);
      commit.versions = decided.versions;
      return finish(op, Committed{std::move(commit), false});
    }
    case events::Verdict::void_duplicate: return settle_duplicate(op);
    case events::Verdict::void_conflict:
    case events::Verdict::void_history: return decide_again(op);
    case events::Verdict::void_malformed:
    case events::Verdict::control:
      log::error("producers", "the ledger called our commit " + op->commit.commit_id() + " " + std::string(events::to_string(decided.verdict)));
      return finish(op, make_error(Code::internal, "the log refused the form of a commit"));
  }
}

// Another copy was accepted first: its result is the answer.
void CommandRunner::Core::settle_duplicate(const OpPtr& op) {
  const CommandContext& context = op->command.context;
  auto snapshot = store_.snapshot();
  if (!snapshot) return finish(op, std::move(snapshot).error());
  auto first = (*snapshot)->accepted(context.workspace, context.commit_id);
  snapshot->reset();
  if (!first) return finish(op, std::move(first).error());
  if (!*first) return finish(op, make_error(Code::undecided, "recorded; an earlier copy of this request was accepted and can't be read yet"));
  finish(op, answer_as_first(std::move(**first), context));
}

void CommandRunner::Core::decide_again(const OpPtr& op) {
  metrics_.conflicts.fetch_add(1, std::memory_order_relaxed);
  if (op->redecisions >= options_.max_redecisions)
    return finish(op, transient(Code::contention,
                                "others changed the same thing in every one of " + std::to_string(op->redecisions + 1) + " rounds; try again", 200));
  const std::int64_t pause_us = contention_.pause_us(op->hot_key, op->redecisions++, clock_.boot_us());
  if (!executor_.post_after(pause_us, [self = shared_from_this(), op] { self->decide(op); }))
    finish(op, transient(Code::shutting_down, "the server is stopping", 1'000));
}

void CommandRunner::Core::finish(const OpPtr& op, Result<Committed> result) {
  metrics_.count(result, clock_.boot_us() - op->started_us);
  std::optional<OpPtr> next;
  {
    const std::lock_guard lock(mutex_);
    if (!op->hot_key.empty()) next = hot_.leave(op->hot_key);
  }
  Done done = std::move(op->done);
  done(std::move(result));
  if (next && !start(*next, true)) finish(*next, transient(Code::overloaded, "the server has no room for another command", 500));
  const std::lock_guard lock(mutex_);
  metrics_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  if (--in_flight_ == 0) idle_.notify_all();
}

void CommandRunner::Core::watch(const OpPtr& op, std::uint64_t attempt, Phase phase, std::int64_t timeout_us) {
  bool arm = false;
  {
    const std::lock_guard lock(mutex_);
    auto& queue = phase == Phase::appending ? ack_deadlines_ : verdict_deadlines_;
    queue.push_back({clock_.boot_us() + timeout_us, op, attempt, phase});
    arm = !std::exchange(sweeping_, true);
  }
  if (arm) sweep();
}

// One timer for all commands: at most kSweepUs late, and only while commands are in flight.
void CommandRunner::Core::sweep() {
  constexpr std::int64_t kSweepUs = 50'000;
  std::vector<OpPtr> unacknowledged;
  std::vector<std::pair<OpPtr, VerdictBoard::Ticket>> undecided;
  std::vector<OpPtr> held;  // released without the lock
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.boot_us();
    for (auto* queue : {&ack_deadlines_, &verdict_deadlines_})
      while (!queue->empty()) {
        const Deadline& deadline = queue->front();
        const OpPtr& op = held.emplace_back(deadline.op.lock());
        const bool over = is_over(deadline, op);
        if (!over && deadline.due_us > now) break;
        if (!over) {
          op->phase = Phase::idle;
          if (deadline.phase == Phase::appending)
            unacknowledged.push_back(op);
          else
            undecided.emplace_back(op, op->ticket);
        }
        queue->pop_front();
      }
    again = !stopping_ || in_flight_ > 0;
    again = again && (!ack_deadlines_.empty() || !verdict_deadlines_.empty());
    sweeping_ = again;
  }
  for (const auto& op : unacknowledged)
    soon([self = shared_from_this(), op] {
      self->finish(op, transient(Code::unacknowledged, "the log has not acknowledged the commit: it is open until a record settles it", 2'000));
    });
  for (const auto& [op, ticket] : undecided) {
    board_.cancel(ticket);
    soon([self = shared_from_this(), op = op] { self->finish(op, make_error(Code::undecided, "recorded, and not decided yet")); });
  }
  if (!again) return;
  if (!executor_.post_after(kSweepUs, [self = shared_from_this()] { self->sweep(); })) {
    const std::lock_guard lock(mutex_);
    sweeping_ = false;
  }
}

bool CommandRunner::Core::stop(std::int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  return idle_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return in_flight_ == 0; });
}

CommandRunner::CommandRunner(StateStore& store, CommitLog& log, VerdictBoard& board, RecentStates* recent, Executor& executor, const Clock& clock)
    : CommandRunner(store, log, board, recent, executor, clock, Options{}) {}

CommandRunner::CommandRunner(StateStore& store, CommitLog& log, VerdictBoard& board, RecentStates* recent, Executor& executor, const Clock& clock,
                             Options options)
    : core_(std::make_shared<Core>(store, log, board, recent, executor, clock, options)) {}

// Reads that nobody will serve any more hold their commands, and those the core.
CommandRunner::~CommandRunner() { core_->abandon_reads(); }

void CommandRunner::run(Command command, Done done) { core_->run(std::move(command), std::move(done)); }

Result<Committed> CommandRunner::run_and_wait(Command command) {
  auto promise = std::make_shared<std::promise<Result<Committed>>>();
  auto answer = promise->get_future();
  run(std::move(command), [promise](Result<Committed> result) { promise->set_value(std::move(result)); });
  return answer.get();
}

bool CommandRunner::stop(std::int64_t timeout_ms) { return core_->stop(timeout_ms); }

Status CommandRunner::database_is_present() { return core_->database_is_present(); }
const RunnerMetrics& CommandRunner::metrics() const { return core_->metrics_; }

}  // namespace dossier::producers
