// What a git program that follows a foreign .gitmodules may reach, and as whom.
#pragma once

#include <string>

#include "base/result.hpp"
#include "platform/git/git.hpp"
#include "platform/process/process.hpp"

namespace dossier::worker {

// The environment of that program, exactly. It reads no setting but those written into `folder`, which must be there, of mode 0700
// and nobody else's, and must be removed afterwards: an SSH key lies in it meanwhile. Allowed are the protocols of git::parse_remote,
// paths on this machine only where the source is one. The source's credentials answer the source's own host alone, also where another
// one is redirected to; those for HTTP lie in no file. No key or agent of this account is offered to anybody.
// invalid_field ("source"): the host of an SSH source can't be written into ssh's settings. io: the folder can't be written to.
Result<process::Environment> git_access(const git::Remote& source, const std::string& folder);

}  // namespace dossier::worker
