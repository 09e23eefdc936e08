// Looks at a machine with a worker's eyes: what would work, what would not, and what to do about it. Changes nothing, and
// registers nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dossier::worker {

struct Finding {
  enum class State : std::uint8_t { ok, warning, failed };
  std::string check;  // folder, disk, git, agents, processes, account, server, clock, token, brokers
  State state = State::ok;
  std::string detail;
  std::string remedy;  // empty where nothing is to be done
};
std::string_view to_string(Finding::State state) noexcept;

struct DoctorOptions {
  std::string url;
  std::string token;
  std::string work_root;
  std::string account;
  bool gateway = false;  // the brokers need not be reached
};

// In the order in which a worker would meet them. Bounded: about a minute where nothing answers.
std::vector<Finding> examine(const DoctorOptions& options);

// Pure, for tests.
inline constexpr std::uint64_t kDiskWarnBytes = 5ull << 30;
inline constexpr std::uint64_t kDiskFailBytes = 1ull << 30;
Finding judge_disk(const std::string& path, std::uint64_t free_bytes, std::uint64_t free_inodes);
// `date`: the server's header of that name (RFC 9110); the middle of the request on this machine's clock.
Finding judge_clock(std::string_view date, std::int64_t middle_us);

}  // namespace dossier::worker
