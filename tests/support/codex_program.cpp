// The pinned package.
#include "tests/support/codex_program.hpp"

namespace dossier::test {

CodexProgram find_codex() { return find_npm_program("@openai/codex@0.169.0", "codex"); }

}  // namespace dossier::test
