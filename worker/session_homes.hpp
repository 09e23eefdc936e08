// Folders in which agents keep what they remember: one a session, which a later session that goes on from it uses too.
//
//   <root>/<session>           the agents' own state, in a folder of each provider's
//   <root>/<session>.knows     the provider's session that is in it, as text
//
// They outlive runs and restarts, so that an agent can resume; the oldest beyond kMaxHomes that nobody uses are removed.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/result.hpp"
#include "platform/process/process.hpp"

namespace dossier::worker {

struct SessionHome {
  std::string name;
  std::string path;
  bool remembers = false;  // the wanted provider session is in it
};

// Thread-safe.
class SessionHomes {
 public:
  static constexpr std::size_t kMaxHomes = 64;

  // `account`: who owns the folders, where the agents run as another one.
  SessionHomes(std::string root, std::optional<process::Account> account);

  // Where that provider session is, if it is here and nobody uses it; else an own folder for the session and offer. In use
  // until close(). invalid_field: the session's name; io.
  Result<SessionHome> open(const std::string& session_id, std::uint32_t offer, const std::string& provider_session);
  // The agent's session that is in it now.
  Status remember(const SessionHome& home, const std::string& provider_session) const;
  void close(const SessionHome& home);

 private:
  Status make(const std::string& path) const;
  std::string find(const std::string& provider_session) const;
  void remove_old();

  const std::string root_;
  const std::optional<process::Account> account_;
  std::mutex mutex_;
  std::set<std::string> used_;  // names
};

}  // namespace dossier::worker
