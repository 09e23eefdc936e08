// The pinned package.
#include "tests/support/claude_program.hpp"

namespace dossier::test {

NpmProgram find_claude() { return find_npm_program("@anthropic-ai/claude-code@2.1.197", "claude"); }

}  // namespace dossier::test
