// What this machine can run: only what was seen to be there.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/json/json.hpp"

namespace dossier::worker {

// {"command":true,"codex":true,"codex.version":"0.169.0","codex.approvals":true,"os":"linux","arch":"x86_64"}, with the members
// of `overlay` (a JSON object as text, may be empty) laid over it. A provider that is there but can't be driven is false, and
// `<provider>.reason` says why; one that the overlay turns off is not looked at. Starts each provider's program, some seconds.
// usage: the overlay is no object of scalars, or claims of a provider what was not seen.
Result<json::Value> probe_capabilities(const std::string& overlay);

// The overlay with labels, "name=value,name=value", as members that are strings. usage: a label without a name or a value, or
// the overlay is no object.
Result<std::string> with_labels(const std::string& overlay, const std::string& labels);

// The providers among them that are true.
std::vector<std::string> providers_of(const json::Value& capabilities);

}  // namespace dossier::worker
