// The warm generation's thread.
#include "app/server/warm_generation.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace dossier::app {

WarmGeneration::WarmGeneration(Core& core) : core_(core), loop_("warm", [this] { return step(); }) {}

std::shared_ptr<WarmGeneration::Engine> WarmGeneration::engine() const {
  const std::lock_guard lock(mutex_);
  return engine_;
}

Result<std::int64_t> WarmGeneration::step() {
  // Of this thread alone, as Linux has it. Without it the generation is warm as well.
  if (!std::exchange(is_nice_, true)) (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  const std::shared_ptr<Engine> engine = this->engine();
  if (engine == nullptr) return kNothingUs;
  engine->projector->step(0);
  return kPauseUs;
}

void WarmGeneration::assign(std::vector<std::int32_t> partitions) {
  const std::lock_guard lock(mutex_);
  if (partitions == assigned_) return;
  assigned_ = std::move(partitions);
  if (engine_ != nullptr) engine_->projector->assign(assigned_);
}

Result<std::shared_ptr<WarmGeneration::Engine>> WarmGeneration::make_engine(std::int64_t generation) {
  auto engine = std::make_shared<Engine>();
  engine->generation = generation;
  TRY(engine->reader, kafka::make_reader(core_.settings.kafka));
  projections::PostgresStoreOptions store;
  store.url = core_.settings.database_url;
  store.generation = generation;
  store.notify = false;
  engine->store = std::make_unique<projections::PostgresStore>(std::move(store));
  projections::ProjectorOptions options;
  options.log = {core_.settings.topics.events(), core_.identity.log_id, core_.identity.partitions};
  engine->projector =
      std::make_unique<projections::Projector>(std::move(options), *engine->reader, *engine->store, projections::registry(), core_.clock);
  return engine;
}

Status WarmGeneration::keep(std::optional<std::int64_t> generation) {
  const std::shared_ptr<Engine> present = engine();
  if ((present == nullptr ? std::optional<std::int64_t>() : present->generation) == generation) return {};
  std::shared_ptr<Engine> fresh;
  if (generation) {
    TRY(fresh, make_engine(*generation));
    log::info("app", "generation " + std::to_string(*generation) + " of the read models is kept warm as the way back");
  }
  const std::lock_guard lock(mutex_);
  engine_ = std::move(fresh);
  if (engine_ != nullptr) engine_->projector->assign(assigned_);
  loop_.wake();
  return {};
}

projections::ProjectorStats WarmGeneration::stats() const {
  const std::shared_ptr<Engine> engine = this->engine();
  return engine == nullptr ? projections::ProjectorStats() : engine->projector->stats();
}

}  // namespace dossier::app
