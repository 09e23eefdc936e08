// The real Codex program for tests.
#pragma once

#include "tests/support/npm_program.hpp"

namespace dossier::test {

using CodexProgram = NpmProgram;
CodexProgram find_codex();

}  // namespace dossier::test
