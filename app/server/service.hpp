// One process of the server: its roles, started in an order in which each finds what it needs, and stopped in reverse.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "api/change_hub.hpp"
#include "app/server/api_role.hpp"
#include "app/server/core.hpp"
#include "app/server/intake_role.hpp"
#include "app/server/projector_role.hpp"
#include "app/server/scheduler_role.hpp"
#include "app/server/settings.hpp"
#include "app/server/upkeep.hpp"

namespace dossier::app {

class Service {
 public:
  // Waits until the database (and at the very first start the log) can be reached, while `stopping` is false. After that
  // nothing has to be there: what can't be reached is tried again, and requests are told so. `on_fatal` may be called later,
  // on any thread: the process is to stop and exit with 1.
  static Result<std::unique_ptr<Service>> start(Settings settings, const std::atomic<bool>& stopping, std::function<void(const Error&)> on_fatal);
  ~Service();

  // Not ready → no new connections → requests in flight finish → readers stop and save → the writers are flushed →
  // partitions are given up. Bounded by kDrainMs and a few seconds for each of the others. Once.
  void stop();
  // False once a writer failed for good: the process has to be replaced.
  bool healthy() const;
  std::uint16_t port() const;

 private:
  static constexpr std::int64_t kDrainMs = 10'000;
  Service(std::unique_ptr<Core> core, std::function<void(const Error&)> on_fatal);
  Status make_roles();
  void on_applied(std::int32_t partition, events::DispatchNeed dispatch);

  const std::unique_ptr<Core> core_;
  const std::function<void(const Error&)> on_fatal_;
  api::ChangeHub changes_;
  std::unique_ptr<ProjectorRole> projector_;
  std::unique_ptr<SchedulerRole> scheduler_;
  std::unique_ptr<IntakeRole> intake_;
  std::unique_ptr<ApiRole> api_;
  std::unique_ptr<Upkeep> upkeep_;
  bool stopped_ = false;
};

}  // namespace dossier::app
