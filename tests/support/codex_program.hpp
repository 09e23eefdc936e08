// The real Codex program for tests.
#pragma once

#include <string>
#include <vector>

#include "tests/support/npm_program.hpp"

namespace dossier::test {

inline constexpr const char* kNewestCodex = "0.169.0";
inline constexpr const char* kOldestCodex = "0.130.0";

using CodexProgram = NpmProgram;
CodexProgram find_codex(const std::string& version = kNewestCodex);
// Those that tests drive: the newest; where everything runs (DOSSIER_TEST_ALL) the oldest that is supported, too.
std::vector<std::string> codex_versions();

}  // namespace dossier::test
