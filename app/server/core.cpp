// The shared parts and their numbers.
#include "app/server/core.hpp"

#include <utility>

#include "platform/crypto/crypto.hpp"
#include "producers/postgres_log_identity.hpp"

namespace dossier::app {
namespace {

postgres::PoolOptions pool_options(const Settings& settings, const std::string& name, std::size_t size) {
  postgres::PoolOptions options;
  options.connection.url = settings.database_url;
  options.connection.application_name = "dossier serve " + name;
  options.size = size;
  return options;
}

// Processes that draw the same pauses meet again after each of them.
std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  for (const char byte : crypto::random_bytes(sizeof(seed))) seed = seed << 8 | static_cast<unsigned char>(byte);
  return seed;
}

}  // namespace

Result<std::unique_ptr<Core>> Core::make(Settings settings, producers::LogIdentity identity, std::string process) {
  TRY(auto commits, kafka::make_writer(settings.kafka, kafka::WriterKind::commits));
  TRY(auto messages, kafka::make_writer(settings.kafka, kafka::WriterKind::messages));
  return std::unique_ptr<Core>(new Core(std::move(settings), std::move(identity), std::move(process), std::move(commits), std::move(messages)));
}

Core::Core(Settings settings_in, producers::LogIdentity identity_in, std::string process_in, std::unique_ptr<topic::Writer> commits_in,
           std::unique_ptr<topic::Writer> messages_in)
    : settings(std::move(settings_in)),
      identity(std::move(identity_in)),
      process(std::move(process_in)),
      database(pool_options(settings, "handlers", kHandlerThreads)),
      background(pool_options(settings, "background", kBackgroundConnections)),
      commits(std::move(commits_in)),
      messages(std::move(messages_in)),
      states(database),
      background_states(background),
      dispatch(background),
      board(identity.partitions, clock),
      recent(identity.partitions, clock),
      control(*messages, settings.topics, clock),
      executor(kHandlerThreads, kHandlerQueue),
      log(*commits, settings.topics, identity,
          [this](std::int32_t partition) { return log_verified_.load() ? board.history(partition) : std::uint64_t{0}; }),
      runner(states, log, board, &recent, executor, clock, {.seed = random_seed()}) {}

Status Core::verify_log() {
  TRY(const auto reader, kafka::make_reader(settings.kafka));
  producers::PostgresLogIdentity stored(settings.database_url);
  TRY(const auto verified, producers::open_log(*reader, *commits, stored, settings.topics, identity.log_id, clock, 10'000));
  if (verified.log_id != identity.log_id || verified.partitions != identity.partitions)
    return make_error(Code::log_mismatch, "the database was bound to another log while this server started: start it again");
  log_verified_.store(true);
  return {};
}

void Core::close_writers() {
  commits.reset();
  messages.reset();
}

void Core::add_metrics() {
  metrics.add([this](MetricsText& out) {
    const producers::RunnerMetrics& of = runner.metrics();
    const auto outcome = [&](std::string_view name, std::uint64_t value) {
      out.counter("dossier_commands_total", "Commands by outcome.", value, metrics_label("outcome", name));
    };
    outcome("accepted", of.accepted.load());
    outcome("repeated", of.repeated.load());
    outcome("unchanged", of.unchanged.load());
    outcome("refused", of.refused.load());
    outcome("contention", of.contended.load());
    outcome("undecided", of.undecided.load());
    outcome("unacknowledged", of.unacknowledged.load());
    outcome("failed", of.failed.load());
    out.counter("dossier_commit_conflicts_total", "Void verdicts after which a command was decided again.", of.conflicts.load());
    out.gauge("dossier_commands_in_flight", "Commands between their start and their answer.", static_cast<double>(of.in_flight.load()));
    out.histogram("dossier_commit_latency_seconds", "From a command's start to its accepted verdict.", of.latency_us);
    out.gauge("dossier_verdict_waits", "Commits that wait for their verdict.", static_cast<double>(board.waiting()));
    const auto decided_on = [&](std::string_view source, std::uint64_t value) {
      out.counter("dossier_command_states_total", "Rounds of commands by where their states came from: kept in this process, or to be read.", value,
                  metrics_label("source", source));
    };
    decided_on("kept", recent.metrics().found.load());
    decided_on("read", recent.metrics().not_found.load());
    out.gauge("dossier_executor_queue_depth", "Jobs that wait for a handler thread.", static_cast<double>(executor.queued()));
    out.gauge("dossier_log_verified", "1 once the log was compared with the database.", log_verified() ? 1 : 0);
    out.counter("dossier_control_messages_dropped_total", "Messages to workers that were given up.", control.dropped());
    for (const auto& [name, pool] : {std::pair{"handlers", &database}, std::pair{"background", &background}}) {
      const postgres::PoolStats stats = pool->stats();
      const std::string label = metrics_label("pool", name);
      out.gauge("dossier_postgres_connections", "Open connections.", static_cast<double>(stats.open), label);
      out.gauge("dossier_postgres_connections_in_use", "Borrowed connections.", static_cast<double>(stats.in_use), label);
      out.counter("dossier_postgres_waits_total", "Borrowings that had to wait.", stats.waited, label);
      out.counter("dossier_postgres_wait_microseconds_total", "Time that borrowings waited.", stats.wait_us_total, label);
      out.counter("dossier_postgres_timeouts_total", "Borrowings that found no connection in time.", stats.timed_out, label);
    }
  });
}

}  // namespace dossier::app
