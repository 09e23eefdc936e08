// What an agent did in its worktree, as SourceCaptured: a commit, the changed files, and the diff, which goes to the blob
// store where it is large.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "dossier/v1/worker.pb.h"
#include "worker/run_thread.hpp"

namespace dossier::worker {

class RunCapture {
 public:
  struct Parts {
    const RunDependencies& dependencies;
    const v1::TaskOffer& offer;
    const Workdir& workdir;
    process::Wakeup& wakeup;
    const RunStop& stop;
    std::function<void(const std::string& line)> say;  // a line of the system, for people
  };
  explicit RunCapture(const Parts& parts) : parts_(parts) {}

  // Blocks: git, and for a large diff the API, for about a minute at most. Nothing changed is a result too.
  Result<v1::SourceCaptured> capture(std::uint32_t turn);
  // Into the workspace's blobs. Blocks likewise.
  Status upload(const std::string& file, const std::string& sha256);

 private:
  const Parts parts_;
};

}  // namespace dossier::worker
