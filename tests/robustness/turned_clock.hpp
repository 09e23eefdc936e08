// A wall clock that is wrong for one process alone, with the monotonic clocks left as they are (tests/support/preload).
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/program.hpp"

namespace dossier::test {

// Empty: it can be used here. Otherwise why not, for GTEST_SKIP.
std::string why_no_turned_clock();
// For a process whose wall clock follows `file`, which must be there before it starts.
EnvironmentChanges turned_clock(const std::string& file);
void set_turned_clock(const std::string& file, std::int64_t seconds);

}  // namespace dossier::test
