// A program of an npm package for tests: pinned, installed once into a folder of its version below DOSSIER_NPM_DIR (./dev test:
// .local/npm) for all test programs.
#pragma once

#include <string>
#include <string_view>

namespace dossier::test {

struct NpmProgram {
  std::string path;     // empty: not to be had
  std::string why_not;  // npm can't be reached: the reason to skip
};

// `package` as npm takes it, "@openai/codex@0.169.0"; `name` of its program, whose --version must say that version. Throws
// std::runtime_error where npm is reached and fails: that is no reason to skip.
NpmProgram find_npm_program(std::string_view package, std::string_view name);

}  // namespace dossier::test
