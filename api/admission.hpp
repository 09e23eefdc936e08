// Lets callers in who want more than a read: full access in one round trip, or, for a command of a known user, the cheaper
// check that the domain of tokens has not moved since; the command's decision checks membership itself, in its own snapshot.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/freshness.hpp"
#include "api/route.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::api {

// Thread-safe; on pool threads.
class Admission {
 public:
  static constexpr std::size_t kMaxRemembered = 20'000;  // of tokens, and of ids; then it starts anew

  Admission(Environment& environment, Freshness& freshness) : environment_(environment), freshness_(freshness) {}
  // Sets call->access, then calls `done`; or an error as from admit(). Once, perhaps on another thread.
  void admit(const CallPtr& call, const crypto::Hash& token, std::function<void(Status)> done);

 private:
  struct Known {
    Principal principal;
    std::uint64_t identity_seq = 0;
    std::int64_t generation = 0;
  };
  void admit_fully(const CallPtr& call, const crypto::Hash& token, const std::function<void(Status)>& done);
  bool recall(const Call& call, const crypto::Hash& token, Known& known, std::string& workspace);
  void remember(const Call& call, const crypto::Hash& token);

  Environment& environment_;
  Freshness& freshness_;
  std::mutex mutex_;
  std::unordered_map<std::string, Known> tokens_;            // users only: a worker's token belongs to another domain
  std::unordered_map<std::string, std::string> workspaces_;  // of ids: what never changes
};

}  // namespace dossier::api
