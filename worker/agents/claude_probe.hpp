// Whether this machine's Claude Code can be driven, seen before it is advertised.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace dossier::worker {

struct ClaudeProbe {
  std::string version;  // "2.1.197"
};

// The oldest version that was driven. Older ones did not ask for permission in this mode: they denied by themselves, or ran.
inline constexpr const char* kLeastClaudeVersion = "2.1.197";

// Starts the program twice (`command`; empty: DOSSIER_CLAUDE or `claude`): for its version, and for the handshake in the very
// mode that turns use, approvals included, with no account needed and no message sent. Some seconds; kProbeMs at most each.
// not_found: no such program; io: it is too old, or does not answer; the message says which.
Result<ClaudeProbe> probe_claude(const std::vector<std::string>& command = {});

// Negative, zero or positive as `a` is older than, the same as, or newer than `b`; numbers between dots.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace dossier::worker
