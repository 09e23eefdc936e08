// Judging a source before and after it is fetched.
#include "worker/workdir/source.hpp"

namespace dossier::worker {

Result<git::Remote> resolve_source(const v1::ProjectSource& source, const git::Credentials& given) {
  git::Remote remote;
  switch (source.source_case()) {
    case v1::ProjectSource::kGitUrl: {
      TRY(remote, git::parse_remote(source.git_url()));
      break;
    }
    case v1::ProjectSource::kLocalPath: {
      TRY(remote.url, git::find_root(source.local_path()));
      remote.local = true;
      break;
    }
    case v1::ProjectSource::SOURCE_NOT_SET:
      return make_error(Code::invalid_field, "the project has no source; give it a git URL or a local path", "source");
  }
  if (remote.local && remote.url.front() == '/') TRY_STATUS(git::check_source(remote.url));
  if (!given.password.empty() || !given.ssh_key.empty()) remote.credentials = given;
  return remote;
}

Result<git::Content> check_content(const git::Repository& repository, const std::string& commit) {
  TRY(git::Content content, repository.content(commit));
  if (!content.lfs_example.empty())
    return make_error(Code::invalid_field,
                      "the source keeps " + content.lfs_example + " in Git LFS, and an agent would work on its pointer; name a source without LFS",
                      "source");
  return content;
}

}  // namespace dossier::worker
