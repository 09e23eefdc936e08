// The HTTP side of a process.
#include "app/server/api_role.hpp"

#include <pthread.h>

#include <utility>

#include "producers/setup.hpp"

namespace dossier::app {

Result<std::unique_ptr<ApiRole>> ApiRole::make(Core& core, api::ChangeHub& changes) {
  TRY(auto admin, kafka::Admin::make(core.settings.kafka));
  std::unique_ptr<ApiRole> role(new ApiRole(core, std::move(admin)));
  // Small: what workers behind the gateway are told is little.
  TRY(auto control, kafka::make_reader(core.settings.kafka, {.prefetch_records = 1'000, .prefetch_kbytes = 1'024}));
  role->control_ = std::make_unique<producers::ControlFollower>(std::move(control), core.clock);
  role->application_ = std::make_unique<api::Application>(role->environment(changes));
  api::http::ServerOptions options;
  options.address = core.settings.address;
  options.port = core.settings.port;
  TRY(role->server_, api::http::Server::open(*role->application_, core.executor, options));
  core.metrics.add([server = role->server_.get(), control = role->control_.get()](MetricsText& out) {
    server->describe(out);
    out.gauge("dossier_gateway_waiting", "Workers behind this gateway that wait for messages.", static_cast<double>(control->waiting()));
  });
  return role;
}

ApiRole::ApiRole(Core& core, std::unique_ptr<kafka::Admin> admin)
    : core_(core), admin_(std::move(admin)), passwords_(kPasswordThreads, kPasswordQueue), secrets_(core.database) {}

api::Environment ApiRole::environment(api::ChangeHub& changes) {
  api::WorkerAccess workers;
  workers.bootstrap = core_.settings.worker_kafka.bootstrap;
  workers.properties = core_.settings.worker_kafka.properties;
  workers.topics = core_.settings.topics;
  workers.reports_partitions = core_.identity.partitions;
  workers.activity_partitions = core_.identity.partitions;
  workers.records = core_.messages.get();
  workers.control = control_.get();
  workers.prepare_pool = [this](const std::string& pool) { return prepare_pool(pool); };
  return {core_.database,
          core_.runner,
          secrets_,
          core_.executor,
          passwords_,
          core_.clock,
          changes,
          core_.settings.keys.names,
          core_.settings.keys.tokens,
          core_.settings.keys.seals,
          core_.settings.blob_folder,
          std::move(workers),
          readiness(),
          core_.metrics,
          core_.identity.partitions};
}

ApiRole::~ApiRole() { stop(0); }

std::vector<api::Readiness> ApiRole::readiness() {
  std::vector<api::Readiness> all;
  all.push_back({"process", [this]() -> Status {
                   if (stopping_.load()) return make_error(Code::shutting_down, "the server is stopping");
                   return {};
                 }});
  all.push_back({"database", [this]() -> Status {
                   TRY([[maybe_unused]] const auto one, core_.background.read_one("SELECT 1::bigint"));
                   return {};
                 }});
  all.push_back({"log", [this]() -> Status {
                   if (!core_.log_verified()) return make_error(Code::log_unavailable, "the log was not compared with the database yet");
                   if (!core_.commits->healthy()) return make_error(Code::log_unavailable, "the writer to the log has failed");
                   return {};
                 }});
  // Also of partitions that another process projects: the board hears of them from the database.
  all.push_back({"projection", [this]() -> Status {
                   // What needs somebody's hand is told before what only needs time.
                   for (std::int32_t partition = 0; partition < core_.identity.partitions; ++partition) TRY_STATUS(core_.board.ready(partition));
                   for (std::int32_t partition = 0; partition < core_.identity.partitions; ++partition) {
                     if (core_.board.history(partition) == 0)
                       return make_error(Code::projection_behind, "partition " + std::to_string(partition) + " is not projected yet");
                   }
                   return {};
                 }});
  return all;
}

Status ApiRole::prepare_pool(const std::string& pool) {
  TRY(const auto rows, core_.background.read_one("SELECT count(*) FROM workers WHERE pool = $1", postgres::Params().text(pool)));
  // The one that registers is not among them yet.
  return producers::make_pool_topics(*admin_, core_.settings.topics, pool, static_cast<std::int32_t>(rows.front().int64(0)) + 1);
}

void ApiRole::start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "http");
    server_->run();
  });
}

void ApiRole::stop(std::int64_t drain_ms) {
  stopping_.store(true);
  if (control_ != nullptr) control_->stop();  // long polls end now, not when the drain does
  if (server_ != nullptr) server_->stop(drain_ms);
  if (thread_.joinable()) thread_.join();
}

}  // namespace dossier::app
