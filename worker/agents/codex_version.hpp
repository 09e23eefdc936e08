// Versions of Codex, and the oldest that this code speaks with. Pure.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace dossier::worker::codex {

struct Version {
  int major = 0, minor = 0, patch = 0;
  auto operator<=>(const Version&) const = default;
};

inline constexpr Version kOldestVersion{0, 130, 0};

// The first N.N.N of a text: "codex-cli 0.169.0", "dossier/0.169.0 (Debian …)".
std::optional<Version> find_version(std::string_view text);
std::string to_string(const Version& version);
// Why it is refused, for the log and for people; "" for one that is new enough.
std::string refusal_of(const Version& version);

}  // namespace dossier::worker::codex
