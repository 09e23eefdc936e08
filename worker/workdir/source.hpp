// A project's source as something to fetch from, or a clear refusal.
#pragma once

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "platform/git/git.hpp"

namespace dossier::worker {

// `given` goes before credentials that somebody put into the address. invalid_field ("source"), not_found, forbidden.
Result<git::Remote> resolve_source(const v1::ProjectSource& source, const git::Credentials& given);

// What the tree of `commit` holds that libgit2 passes over. invalid_field ("source"): something that would be something else in a worktree than the
// project means (files in Git LFS).
Result<git::Content> check_content(const git::Repository& repository, const std::string& commit);

}  // namespace dossier::worker
