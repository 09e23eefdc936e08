// Keeps one old generation of the read models up to date beside the live one, so that the way back is instant
// (`dossier admin rebuild --back`). One thread of low priority that pauses between its batches; nobody is told of them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "app/server/core.hpp"
#include "app/server/loop.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"

namespace dossier::app {

class WarmGeneration {
 public:
  static constexpr std::int64_t kPauseUs = 50'000;       // after a batch (of at most a few thousand records), and while there is none
  static constexpr std::int64_t kNothingUs = 1'000'000;  // while no generation is kept
  static constexpr int kNice = 10;

  explicit WarmGeneration(Core& core);

  void start() { loop_.start(); }
  void stop() { loop_.stop(); }
  // Thread-safe. The partitions that this process keeps warm.
  void assign(std::vector<std::int32_t> partitions);
  // Which generation; nullopt: none. One caller.
  Status keep(std::optional<std::int64_t> generation);
  projections::ProjectorStats stats() const;

 private:
  struct Engine {
    std::int64_t generation = 0;
    std::unique_ptr<topic::Reader> reader;
    std::unique_ptr<projections::PostgresStore> store;
    std::unique_ptr<projections::Projector> projector;
  };
  Result<std::int64_t> step();
  Result<std::shared_ptr<Engine>> make_engine(std::int64_t generation);
  std::shared_ptr<Engine> engine() const;

  Core& core_;
  mutable std::mutex mutex_;
  std::shared_ptr<Engine> engine_;
  std::vector<std::int32_t> assigned_;
  bool is_nice_ = false;  // of the loop's thread
  Loop loop_;
};

}  // namespace dossier::app
