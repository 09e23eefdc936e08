// The secrets of a run's project, as the server opens them for the run: credentials for its repository, and every value that must not
// leave this machine. They live in memory, as long as the run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "platform/git/git.hpp"
#include "platform/http_client/http_client.hpp"

namespace dossier::worker {

struct ProjectSecrets {
  git::Credentials https;           // without a password: none
  git::Credentials ssh;             // without a key: none
  std::vector<std::string> values;  // to be masked, those of the credentials too
};

// The ones for the scheme of its address; none for a local path, which is read as this process's account.
git::Credentials credentials_for(const ProjectSecrets& secrets, const v1::ProjectSource& source);

// Of a reply to GET /v1/projects/{id}/secrets/values. invalid_field: it is none; the error holds nothing of it.
Result<ProjectSecrets> read_project_secrets(std::string_view body);

// Asks once. overloaded, io, timeout: may be tried again. Others: the server's own words.
Result<ProjectSecrets> get_project_secrets(const http_client::Options& api, const std::string& worker_id, const std::string& project_id);

// `get` until it succeeds, fails for good, or `should_stop` says so (its last error then); pauses of 0.25 s, doubled up to 5 s, by `pause`.
inline constexpr std::int64_t kSecretsFirstPauseMs = 250;
inline constexpr std::int64_t kSecretsMaxPauseMs = 5'000;
Result<ProjectSecrets> get_until(const std::function<Result<ProjectSecrets>()>& get, const git::ShouldStop& should_stop,
                                 const std::function<void(std::int64_t ms)>& pause);

}  // namespace dossier::worker
