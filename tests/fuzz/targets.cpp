// The list of targets.
#include "tests/fuzz/targets.hpp"

namespace dossier::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all = {
      {"commit", &run_commit},
      {"http", &run_http},
      {"json_body", &run_json_body},
      {"codex_frames", &run_codex_frames},
      {"claude_frames", &run_claude_frames},
      {"markdown", &run_markdown},
      {"masking", &run_masking},
      {"evidence", &run_evidence},
  };
  return all;
}

}  // namespace dossier::fuzz
