// Says which invariant broke, then aborts so that a core dump shows the state.
#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace dossier {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "invariant broken: %s at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace dossier
