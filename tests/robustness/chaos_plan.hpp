// What goes wrong in a run, in which order and for how long: a function of the seed alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dossier::test {

enum class Harm : std::uint8_t {
  kill,        // SIGKILL; started again afterwards
  freeze,      // SIGSTOP, SIGCONT afterwards
  cut,         // every connection is reset
  hold_up,     // bytes wait at the proxy, and go on afterwards
  half_open,   // present connections stay and carry nothing any more
  refuse,      // new connections are reset, and present ones too
  turn_clock,  // the wall clock of one process jumps, and jumps back afterwards
};
enum class Victim : std::uint8_t { kafka, postgres, server, worker };

struct Strike {
  Harm harm = Harm::kill;
  Victim victim = Victim::kafka;
  int number = 0;            // which server or worker
  std::int64_t clock_s = 0;  // turn_clock: by how much
};

// Everything of a step happens at once, lasts, and is mended; then there is calm.
struct ChaosStep {
  std::vector<Strike> strikes;
  std::int64_t lasts_ms = 0;
  std::int64_t calm_ms = 0;
};

struct ChaosCast {
  int servers = 2;
  int workers = 4;
  int clock_server = -1;  // whose wall clock can be turned; -1: nobody's
  bool patient = false;   // there is time for half-open connections to Postgres: a statement may take a minute
};

// Every kind of strike comes once before any comes twice; about one step in three has several at once.
std::vector<ChaosStep> draw_chaos(std::uint64_t seed, const ChaosCast& cast, std::size_t steps);
std::string describe(const ChaosStep& step);

}  // namespace dossier::test
