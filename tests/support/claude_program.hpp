// The real Claude Code program for tests. Its licence is proprietary: it is fetched where it can be, and never kept here.
#pragma once

#include "tests/support/npm_program.hpp"

namespace dossier::test {

NpmProgram find_claude();

}  // namespace dossier::test
