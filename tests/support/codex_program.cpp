// The pinned packages.
#include "tests/support/codex_program.hpp"

#include <cstdlib>

namespace dossier::test {

CodexProgram find_codex(const std::string& version) { return find_npm_program("@openai/codex@" + version, "codex"); }

std::vector<std::string> codex_versions() {
  std::vector<std::string> versions{kNewestCodex};
  if (std::getenv("DOSSIER_TEST_ALL") != nullptr) versions.emplace_back(kOldestCodex);
  return versions;
}

}  // namespace dossier::test
