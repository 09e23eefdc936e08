// Whether this machine's Codex can be driven, seen before it is advertised.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace dossier::worker {

struct CodexProbe {
  std::string version;     // "0.169.0"
  bool approvals = false;  // it takes a thread whose commands are asked about, and says so
};

// Starts the program twice (`command`; empty: DOSSIER_CODEX or `codex`): for its version, and for the handshake and a thread
// that leaves nothing behind. No account is needed and no turn runs. Some seconds; kProbeMs at most each.
// not_found: no such program; io: it is too old, or does not answer; the message says which.
Result<CodexProbe> probe_codex(const std::vector<std::string>& command = {});

}  // namespace dossier::worker
