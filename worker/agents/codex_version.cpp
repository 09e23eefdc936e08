// Reading and judging versions.
#include "worker/agents/codex_version.hpp"

#include <charconv>

namespace dossier::worker::codex {
namespace {

// N.N.N at the beginning of the text.
std::optional<Version> version_at(std::string_view text) {
  Version version;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    if (part != &version.major) {
      if (at == end || *at != '.') return std::nullopt;
      ++at;
    }
    const auto [next, failure] = std::from_chars(at, end, *part);
    if (failure != std::errc() || *part < 0) return std::nullopt;
    at = next;
  }
  return version;
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

}  // namespace

std::optional<Version> find_version(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at]) || (at > 0 && (is_digit(text[at - 1]) || text[at - 1] == '.'))) continue;
    if (const auto version = version_at(text.substr(at))) return version;
  }
  return std::nullopt;
}

std::string to_string(const Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

std::string refusal_of(const Version& version) {
  if (version >= kOldestVersion) return {};
  return "Codex " + to_string(version) + " is older than " + to_string(kOldestVersion) + ", which this worker needs; update it";
}

}  // namespace dossier::worker::codex
