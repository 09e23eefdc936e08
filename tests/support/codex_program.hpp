// The real Codex program for tests: the npm package, pinned, installed once into DOSSIER_NPM_DIR (./dev test: .local/npm).
#pragma once

#include <string>

namespace dossier::test {

struct CodexProgram {
  std::string path;     // empty: not to be had
  std::string why_not;  // npm can't be reached: the reason to skip
};

// Throws std::runtime_error where npm is reached and fails: that is no reason to skip.
CodexProgram find_codex();

}  // namespace dossier::test
