// Partitions, verdicts and news from other processes.
#include "app/server/upkeep.hpp"

#include <charconv>

#include "base/log.hpp"

namespace dossier::app {
namespace {

// So long after a renewal began nobody else is given what it left to this process; a second less than others wait.
constexpr std::int64_t kOwnedUs = producers::PartitionOwners::kTtlMs * 1'000 - 1'000'000;
constexpr std::int64_t kVerifyAgainUs = 1'000'000;
constexpr std::int64_t kListenMs = 500;

}  // namespace

Upkeep::Upkeep(Core& core, ProjectorRole* projector, IntakeRole* intake, std::function<void(std::int32_t)> on_applied,
               std::function<void(const Error&)> on_fatal)
    : core_(core),
      projector_(projector),
      intake_(intake),
      on_applied_(std::move(on_applied)),
      on_fatal_(std::move(on_fatal)),
      projector_owners_(core.background, "projector", core.process, core.identity.partitions),
      intake_owners_(core.background, "intake", core.process, core.identity.partitions),
      verdicts_(core.background),
      poller_(core.board, verdicts_, core.clock),
      loop_("upkeep", [this] { return step(); }),
      listen_loop_("listener", [this] { return listen(); }) {}

void Upkeep::start() {
  loop_.start();
  listen_loop_.start();
}

void Upkeep::stop() {
  listen_loop_.stop();
  loop_.stop();
}

void Upkeep::leave() {
  for (auto* owners : {projector_ != nullptr ? &projector_owners_ : nullptr, intake_ != nullptr ? &intake_owners_ : nullptr})
    if (owners != nullptr)
      if (const Status left = owners->leave(); !left) log::warn("app", "partitions could not be given up: " + left.error().message);
}

Result<std::int64_t> Upkeep::step() {
  const std::int64_t now = core_.clock.boot_us();
  if (!core_.log_verified() && now >= verify_due_us_) {
    verify_due_us_ = now + kVerifyAgainUs;
    const Status verified = core_.verify_log();
    if (!verified && !is_transient(verified.error().code) && verified.error().code != Code::not_found) {
      on_fatal_(verified.error());
      return verified.error();
    }
    if (!verified) log::warn("app", "the log can't be compared with the database yet: " + verified.error().message);
  }
  const bool is_stale = projector_ != nullptr && projector_->is_stale();
  if (is_stale || now - renewed_us_ >= producers::PartitionOwners::kRenewUs) {
    renewed_us_ = now;
    TRY_STATUS(renew());
  }
  return poller_.step();
}

Status Upkeep::renew() {
  if (intake_ != nullptr) {
    TRY(const auto owned, intake_owners_.renew());
    intake_->assign(owned);
  }
  std::vector<std::int32_t> local;
  if (projector_ != nullptr) {
    // Renewing gives partitions away: until this process has let go of them, heads are not believed.
    const std::int64_t began_us = core_.clock.boot_us();
    core_.recent.own_until(0);
    TRY(auto owned, projector_owners_.renew());
    projector_->assign(std::move(owned));
    TRY_STATUS(projector_->look_at_generations());
    TRY_STATUS(projector_->look_at_repairs());
    local = projector_->local();
    if (!local.empty()) core_.recent.own_until(began_us + kOwnedUs);
  }
  poller_.set_local(local);
  all_local_.store(static_cast<std::int32_t>(local.size()) == core_.identity.partitions);
  return {};
}

Result<std::int64_t> Upkeep::listen() {
  if (all_local_.load()) {
    listener_.reset();
    return kListenMs * 1'000;
  }
  if (listener_ == nullptr)
    listener_ = std::make_unique<postgres::Listener>(core_.settings.database_url, std::vector<std::string>{postgres::kAppliedChannel});
  TRY(const auto notifications, listener_->wait(kListenMs));
  std::vector<bool> moved(static_cast<std::size_t>(core_.identity.partitions));
  for (const auto& one : notifications) {  // "<partition>:<next offset>"
    std::size_t partition = 0;
    const auto [end, error] = std::from_chars(one.payload.data(), one.payload.data() + one.payload.size(), partition);
    if (error == std::errc() && partition < moved.size()) moved[partition] = true;
  }
  for (std::size_t partition = 0; partition < moved.size(); ++partition)
    if (moved[partition]) on_applied_(static_cast<std::int32_t>(partition));
  if (!notifications.empty()) loop_.wake();
  return std::int64_t{0};
}

}  // namespace dossier::app
