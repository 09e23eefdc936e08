// Start and stop.
#include "app/server/service.hpp"

#include <chrono>
#include <utility>

#include "base/log.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/postgres_log_identity.hpp"
#include "producers/setup.hpp"
#include "projections/code_version.hpp"

namespace dossier::app {
namespace {

constexpr auto kStartPause = std::chrono::milliseconds(300);
constexpr std::int64_t kOpenLogMs = 10'000;

// The schema is there, and the log that belongs to it is known.
Result<producers::LogIdentity> find_log(const Settings& settings) {
  const SystemClock clock;
  TRY_STATUS(producers::make_schema(settings.database_url, projections::code_digest()));
  producers::PostgresLogIdentity stored(settings.database_url);
  TRY(const auto known, stored.load());
  if (known) return *known;
  TRY(const auto writer, kafka::make_writer(settings.kafka, kafka::WriterKind::commits));
  TRY(const auto reader, kafka::make_reader(settings.kafka));
  return producers::open_log(*reader, *writer, stored, settings.topics, crypto::random_uuid_hex(), clock, kOpenLogMs);
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(Settings settings, const std::atomic<bool>& stopping, std::function<void(const Error&)> on_fatal) {
  producers::LogIdentity identity;
  for (std::string last;;) {
    auto found = find_log(settings);
    if (found) {
      identity = std::move(*found);
      break;
    }
    if (!is_transient(found.error().code)) return std::move(found).error();
    if (found.error().message != last) log::warn("app", "waiting to start: " + found.error().message);
    last = found.error().message;
    std::this_thread::sleep_for(kStartPause);
    if (stopping.load()) return make_error(Code::shutting_down, "stopped while it waited to start");
  }
  TRY(auto core, Core::make(std::move(settings), std::move(identity), crypto::random_uuid_hex() + "-" + projections::code_digest()));
  std::unique_ptr<Service> service(new Service(std::move(core), std::move(on_fatal)));
  TRY_STATUS(service->make_roles());
  return service;
}

Service::Service(std::unique_ptr<Core> core, std::function<void(const Error&)> on_fatal) : core_(std::move(core)), on_fatal_(std::move(on_fatal)) {}

Service::~Service() { stop(); }

void Service::on_applied(std::int32_t partition, events::DispatchNeed dispatch) {
  changes_.applied(partition);
  if (scheduler_ == nullptr) return;
  if (dispatch == events::DispatchNeed::now) scheduler_->wake();
  if (dispatch == events::DispatchNeed::soon) scheduler_->wake_soon();
}

Status Service::make_roles() {
  const Roles& roles = core_->settings.roles;
  core_->add_metrics();
  if (roles.scheduler) scheduler_ = std::make_unique<SchedulerRole>(*core_);
  if (roles.projector)
    projector_ =
        std::make_unique<ProjectorRole>(*core_, [this](std::int32_t partition, events::DispatchNeed dispatch) { on_applied(partition, dispatch); });
  if (roles.intake) {
    IntakeRole::Hooks hooks;
    hooks.on_liveness = [this] {
      if (scheduler_ != nullptr) scheduler_->wake();
    };
    hooks.on_activity = [this](const std::string& session_id) { changes_.activity(session_id); };
    TRY(intake_, IntakeRole::make(*core_, std::move(hooks)));
  }
  if (roles.api) {
    TRY(api_, ApiRole::make(*core_, changes_));
  }
  upkeep_ = std::make_unique<Upkeep>(
      *core_, projector_.get(), intake_.get(), [this](std::int32_t partition) { on_applied(partition, events::DispatchNeed::now); }, on_fatal_);
  if (scheduler_ != nullptr) scheduler_->add_metrics(core_->metrics);
  if (intake_ != nullptr) intake_->add_metrics(core_->metrics);
  if (projector_ != nullptr) projector_->add_metrics(core_->metrics);

  upkeep_->start();
  if (projector_ != nullptr) projector_->start();
  if (intake_ != nullptr) intake_->start();
  if (scheduler_ != nullptr) scheduler_->start();
  if (api_ != nullptr) api_->start();
  return {};
}

void Service::stop() {
  if (std::exchange(stopped_, true)) return;
  if (api_ != nullptr) api_->stop(kDrainMs);
  if (scheduler_ != nullptr) scheduler_->stop();
  if (intake_ != nullptr) intake_->stop();
  if (!core_->runner.stop(5'000)) log::warn("app", "commands were still in flight at the end: they are open until a record settles them");
  if (intake_ != nullptr)
    if (const Status saved = intake_->save(); !saved) log::warn("app", "intake's positions were not saved: " + saved.error().message);
  if (upkeep_ != nullptr) upkeep_->stop();
  if (projector_ != nullptr) projector_->stop();
  if (!core_->commits->flush(5'000) || !core_->messages->flush(2'000)) log::warn("app", "records were still in flight at the end");
  if (upkeep_ != nullptr) upkeep_->leave();
  core_->executor.stop();
  core_->close_writers();
}

bool Service::healthy() const { return stopped_ || (core_->commits->healthy() && core_->messages->healthy()); }

std::uint16_t Service::port() const { return api_ == nullptr ? 0 : api_->port(); }

}  // namespace dossier::app
