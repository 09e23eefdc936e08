// Who this worker is in what it signs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dossier::worker {

struct Identity {
  std::string workspace_id;
  std::string worker_id;
  std::string boot_id;     // new at every start
  std::string secret_key;  // Ed25519, 64 bytes
};

// What is signed: the domain (a constant, never a prefixed topic), a NUL, the body's bytes.
inline constexpr std::string_view kReportDomain = "dossier.reports";
inline constexpr std::string_view kActivityDomain = "dossier.activity";
std::string sign_body(const Identity& identity, std::string_view domain, std::string_view body);

// Where records go.
struct Target {
  std::string topic;
  std::int32_t partition = 0;
  std::string key;
};

}  // namespace dossier::worker
