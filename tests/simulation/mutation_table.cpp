// Switching one on, and off again.
#include "tests/simulation/mutation_table.hpp"

#include "tests/simulation/world.hpp"

namespace dossier::simulation {

Found find_mutation([[maybe_unused]] mutation::Name name, [[maybe_unused]] std::uint64_t most) {
  Found found;
#ifdef DOSSIER_MUTATIONS
  const bool is_rare = name == mutation::Name::steer_late_words || name == mutation::Name::apply_late_result;
  const std::uint64_t step = is_rare ? Plan::kRestlessEvery : 1;
  for (std::uint64_t tried = 1; tried <= most && found.seeds == 0; ++tried) {
    const std::uint64_t seed = tried * step;
    mutation::active = name;
    World world(seed);
    found.fault = world.run();
    mutation::active = mutation::Name::none;
    // It must be the mutation that was found.
    if (!found.fault.empty() && World(seed).run().empty()) found.seeds = tried;
  }
#endif
  return found;
}

}  // namespace dossier::simulation
