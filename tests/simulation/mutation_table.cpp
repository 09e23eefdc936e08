// Switching one on, and off again.
#include "tests/simulation/mutation_table.hpp"

#include "tests/simulation/world.hpp"

namespace dossier::simulation {

Found find_mutation([[maybe_unused]] mutation::Name name, [[maybe_unused]] std::uint64_t most) {
  Found found;
#ifdef DOSSIER_MUTATIONS
  for (std::uint64_t seed = 1; seed <= most && found.seeds == 0; ++seed) {
    mutation::active = name;
    World world(seed);
    found.fault = world.run();
    mutation::active = mutation::Name::none;
    // It must be the mutation that was found.
    if (!found.fault.empty() && World(seed).run().empty()) found.seeds = seed;
  }
#endif
  return found;
}

}  // namespace dossier::simulation
