// The role projector: reads the partitions it is told to, into the generation of read models that belongs to this code.
// That is the live one as a rule, with the last old one of this code kept warm beside it. Where the live one was folded by
// other code, its successor is built beside it and made live once it has caught up; until then verdicts come from whoever
// projects the live one. A program whose own generation was live before and is old now has been superseded, and builds
// nothing: two versions side by side would take turns for ever. It keeps its generation warm, and takes it back once no
// process of other code runs.
//
// The partitions are dealt out to a few lanes, each with a thread, a consumer and a connection of its own: while the
// database writes the batch of one lane, another judges its next. What two lanes do is as independent as what two
// processes do.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/server/core.hpp"
#include "app/server/loop.hpp"
#include "app/server/warm_generation.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/applied_voice.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"

namespace dossier::app {

class ProjectorRole {
 public:
  // Beyond the cores of a small machine more lanes only wait for each other; beyond these few, start another process.
  static constexpr std::size_t kLanes = 2;

  // `on_applied` is called on the lanes' threads.
  ProjectorRole(Core& core, producers::AppliedVoice::OnApplied on_applied);
  ~ProjectorRole();

  void start();
  void stop();
  // Thread-safe.
  void assign(std::vector<std::int32_t> partitions);
  // From the upkeep loop, every second or so: which generation is to be projected, and is it time to make it live?
  Status look_at_generations();
  // What was projected last is not seen by readers: it is time to look.
  bool is_stale() const { return is_stale_.load(); }
  // Likewise: partitions that `dossier log repair` mended since the last look are tried again.
  Status look_at_repairs();
  // Partitions whose verdicts this process brings.
  std::vector<std::int32_t> local() const;
  projections::ProjectorStats stats() const;
  void add_metrics(MetricsRegistry& metrics);

 private:
  struct Lane {
    std::unique_ptr<topic::Reader> reader;
    std::unique_ptr<projections::PostgresStore> store;
    std::unique_ptr<projections::Projector> projector;
  };
  // What one engine's lanes tell the process, while its generation is the live one.
  class Voice final : public events::AppliedListener {
   public:
    explicit Voice(ProjectorRole& role) : role_(role) {}
    void applying(std::int32_t partition, std::span<const events::HeadOfWorkspace> heads) override;
    void applied(const events::AppliedBatch& batch) override;
    void attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) override;
    void caught_up(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) override;
    void confirmed(std::int32_t partition, std::int64_t at_us) override;
    void detached(std::int32_t partition) override;
    void halted(std::int32_t partition, const std::string& reason) override;
    void resumed(std::int32_t partition) override;
    std::atomic<bool> is_live{false};

   private:
    ProjectorRole& role_;
  };
  struct Engine {
    explicit Engine(ProjectorRole& role) : voice(role) {}
    postgres::Generation generation;
    Voice voice;
    std::vector<Lane> lanes;
    void assign(const std::vector<std::int32_t>& partitions);  // dealt out in turn
    projections::ProjectorStats stats() const;
  };
  Result<std::int64_t> step(std::size_t lane);
  struct Plan {
    std::optional<postgres::Generation> project;
    std::optional<std::int64_t> warm;
  };
  Result<Lane> make_lane(const postgres::Generation& generation, Voice& voice);
  Result<std::shared_ptr<Engine>> make_engine(const postgres::Generation& generation);
  Result<Plan> make_plan();
  Result<bool> others_run();  // projectors of other code
  std::shared_ptr<Engine> engine() const;
  void replace(std::shared_ptr<Engine> engine);
  void make_live(Engine& engine);
  bool has_caught_up(const Engine& engine) const;

  Core& core_;
  producers::AppliedVoice write_path_;
  std::atomic<bool> is_stale_{false};
  bool said_superseded_ = false;

  mutable std::mutex mutex_;
  std::shared_ptr<Engine> engine_;  // nullptr before the first look
  std::vector<std::int32_t> assigned_;
  std::int64_t last_repair_ = -1;             // of the upkeep loop; -1: not looked yet
  std::vector<std::unique_ptr<Loop>> loops_;  // one a lane
  WarmGeneration warm_;
};

}  // namespace dossier::app
