// `dossier admin rebuild`: a new generation of read models is projected from offset 0 beside the live one, compared with
// it, and made live in one transaction. Nothing stops meanwhile. Killed at any point, the next run goes on where the last
// one stood: all it knows is in the database. One owner thread; step() does one bounded unit of work.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "platform/postgres/migrate.hpp"
#include "projections/generation_compare.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"

namespace dossier::projections {

inline constexpr int kMostComparisons = 50;  // of a log that moves: partitions are compared when both generations stand still
inline constexpr int kMostSwitches = 50;     // attempts: the live generation may move ahead before the lock is had

struct RebuildOptions {
  std::string database_url;
  ExpectedLog log;          // with its partitions
  bool switch_over = true;  // false: stop before the switch
  bool back = false;        // make the last old generation of this code live again, under the same rule; nothing is built or compared
};

enum class RebuildPhase : std::uint8_t { projecting, comparing, switching, done };
std::string_view to_string(RebuildPhase phase) noexcept;

struct RebuildProgress {
  std::int64_t generation = 0;
  RebuildPhase phase = RebuildPhase::projecting;
  std::int64_t records = 0;       // projected so far
  std::int64_t records_goal = 0;  // where the live generation stands
  std::size_t compared = 0;       // partitions
  std::size_t partitions = 0;
};

class Rebuild {
 public:
  // Goes on with a generation of this code which is being built, or makes one. conflict: none is live yet, or (back) there
  // is no old one of this code.
  static Result<std::unique_ptr<Rebuild>> open(RebuildOptions options, topic::Reader& reader, const Clock& clock);
  ~Rebuild();

  // Until phase is done. Errors end the rebuild (the live generation is untouched): partition_halted: a partition can't
  // be projected, for the reason given; corrupt: the same code made different rows (see comparison()); conflict: the log
  // moved through every comparison or switch. Transient errors of Kafka and Postgres are waited out in the projector.
  Result<RebuildProgress> step(std::int64_t wait_ms);
  // Differences found so far; between generations of different code they are expected and don't stop the switch.
  const Comparison& comparison() const { return comparison_; }
  bool same_code() const { return same_code_; }
  std::int64_t generation() const { return generation_; }
  std::int64_t live_generation() const { return live_; }

 private:
  Rebuild(RebuildOptions options, std::int64_t live, std::int64_t generation, bool same_code, topic::Reader& reader, const Clock& clock);
  Status project(std::int64_t wait_ms);
  Status compare();
  Status switch_over();
  Result<bool> caught_up();
  RebuildProgress progress() const;

  const RebuildOptions options_;
  const std::int64_t live_;
  const std::int64_t generation_;
  const bool same_code_;
  const Clock& clock_;
  PostgresStore store_;
  Projector projector_;
  RebuildPhase phase_ = RebuildPhase::projecting;
  std::map<std::int32_t, std::int64_t> goal_;
  std::int64_t goal_due_us_ = 0;
  std::set<std::int32_t> to_compare_;
  Comparison comparison_;
  int comparisons_ = 0;
  int switches_ = 0;
};

}  // namespace dossier::projections
