// The worker's folder: held by one process at a time, with the key that makes this worker the same one after a restart.
#pragma once

#include <string>

#include "base/result.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/process/process.hpp"

namespace dossier::worker {

// Holds the lock until it is destroyed (or the process dies).
class WorkRoot {
 public:
  // Makes the folder. conflict: another worker uses it. io.
  static Result<WorkRoot> open(const std::string& path);
  ~WorkRoot();
  WorkRoot(WorkRoot&& other) noexcept;
  WorkRoot& operator=(WorkRoot&&) = delete;

  const std::string& path() const { return path_; }  // absolute
  // From worker.key (mode 0600), made on first use. corrupt: the file is not what was written.
  Result<crypto::KeyPair> key_pair() const;
  // Starts the mark of every process that agents of this worker start, in this run or an earlier one.
  std::string family_prefix() const;

 private:
  WorkRoot(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_ = -1;
};

// Agents of another account start in folders below `folder`. forbidden: the account can't get there; names the folder on the
// way that keeps it out. Asks the kernel as that account, by a process of it: modes, ACLs and mounts all have a say. Needs root.
Status check_reachable(const std::string& folder, const process::Account& account);

}  // namespace dossier::worker
