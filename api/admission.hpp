// Lets callers in who want more than a read: full access in one round trip; or, for a command of a known user, none: what is
// remembered holds while the domain of tokens has not moved, and the read that the command's decision needs says whether it
// has. Membership the decision checks itself, in its own snapshot.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "api/route.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::api {

// Thread-safe; on pool threads.
class Admission {
 public:
  static constexpr std::size_t kMaxRemembered = 20'000;  // of tokens, and of ids; then it starts anew

  explicit Admission(Environment& environment) : environment_(environment) {}
  // Sets call->access, and call->premise where that is from memory; or an error as from api::admit(). May block.
  Status admit(const CallPtr& call, const crypto::Hash& token);

 private:
  struct Known {
    Principal principal;
    std::uint64_t identity_seq = 0;
    std::int64_t generation = 0;
  };
  Status admit_fully(Call& call, const crypto::Hash& token);
  bool recall(const Call& call, const crypto::Hash& token, Known& known, std::string& workspace);
  void remember(const Call& call, const crypto::Hash& token);

  Environment& environment_;
  std::mutex mutex_;
  std::unordered_map<std::string, Known> tokens_;            // users only: a worker's token belongs to another domain
  std::unordered_map<std::string, std::string> workspaces_;  // of ids: what never changes
};

}  // namespace dossier::api
