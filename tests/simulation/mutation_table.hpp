// Each bug on purpose, and how many seeds the checkers take to find it.
#pragma once

#include <cstdint>
#include <string>

#include "base/mutation.hpp"

namespace dossier::simulation {

struct Found {
  std::uint64_t seeds = 0;  // that it took; 0: not found
  std::string fault;
};
// Runs seeds from 1 with this mutation until one fails, at most `most`. Without DOSSIER_MUTATIONS nothing is ever found.
inline constexpr std::uint64_t kMutationSeeds = 1'000;  // within which each is to be found
Found find_mutation(mutation::Name name, std::uint64_t most);

}  // namespace dossier::simulation
