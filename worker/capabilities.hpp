// What this machine can run: only what was seen to be there.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/json/json.hpp"

namespace dossier::worker {

// {"command":true,"codex":true,"codex_version":"0.169.0","os":"linux","arch":"x86_64"}, with the members of `overlay` (a
// JSON object as text, may be empty) laid over it. usage: the overlay is no object of scalars.
Result<json::Value> probe_capabilities(const std::string& overlay);

// The overlay with labels, "name=value,name=value", as members that are strings. usage: a label without a name or a value, or
// the overlay is no object.
Result<std::string> with_labels(const std::string& overlay, const std::string& labels);

// The providers among them that are true.
std::vector<std::string> providers_of(const json::Value& capabilities);

}  // namespace dossier::worker
