// Opening, mirroring, branches.
#include <algorithm>
#include <mutex>

#include "base/check.hpp"
#include "platform/git/handles.hpp"

namespace dossier::git {

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    CHECK(git_libgit2_init() > 0);
    // A worker that runs as root opens repositories of other accounts. The check protects programs which run what a
    // repository's configuration names; this library runs no hook, filter or command of a repository.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  });
}

Error git_error_of(int result, const std::string& what) {
  const git_error* last = git_error_last();
  const std::string why = last != nullptr && last->message != nullptr ? last->message : "unknown error";
  Code code = Code::io;
  if (result == GIT_ENOTFOUND) code = Code::not_found;
  if (result == GIT_EEXISTS) code = Code::already_exists;
  if (result == GIT_EAUTH) code = Code::forbidden;
  if (result == GIT_EUSER) return make_error(Code::shutting_down, what + ": broken off");
  return make_error(code, what + ": " + why);
}

std::string hex(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof text, &id);
  return text;
}

Result<git_oid> parse_oid(const std::string& hex) {
  git_oid id;
  TRY_GIT("\"" + hex + "\" is no commit id", git_oid_fromstr(&id, hex.c_str()));
  return id;
}

Result<CommitHandle> find_commit(git_repository* repository, const std::string& id) {
  TRY(const git_oid oid, parse_oid(id));
  CommitHandle commit;
  TRY_GIT("can't find the commit " + id, git_commit_lookup(out(commit), repository, &oid));
  return commit;
}

std::string library_version() {
  int major = 0, minor = 0, patch = 0;
  git_libgit2_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

Result<std::string> find_root(const std::string& path) {
  start_library();
  RepositoryHandle repository;
  TRY_GIT("no git repository holds " + path, git_repository_open_ext(out(repository), path.c_str(), 0, nullptr));
  const char* root = git_repository_is_bare(repository.get()) != 0 ? git_repository_path(repository.get()) : git_repository_workdir(repository.get());
  std::string text = root == nullptr ? path : root;
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

namespace {

// `name`: it is kept in the repository's settings; nullptr: it is not. git_remote_lookup and its like match every line of
// every git configuration with a regular expression, for url.<…>.insteadOf, and libgit2 1.5 loses 20 KB with each line that
// does not match: a worker would lose a third of a megabyte with each fetch.
Result<RemoteHandle> make_remote(git_repository* repository, const char* name, const std::string& url) {
  git_remote_create_options options = GIT_REMOTE_CREATE_OPTIONS_INIT;
  options.repository = repository;
  options.name = name;
  options.fetchspec = "+refs/heads/*:refs/remotes/origin/*";
  options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF;
  RemoteHandle remote;
  TRY_GIT("can't use the address " + url, git_remote_create_with_opts(out(remote), url.c_str(), &options));
  return remote;
}

Result<std::string> remote_url(git_repository* repository) {
  ConfigHandle config;
  TRY_GIT("can't read the repository's settings", git_repository_config_snapshot(out(config), repository));
  const char* url = nullptr;
  TRY_GIT("can't find the remote", git_config_get_string(&url, config.get(), "remote.origin.url"));
  return std::string(url);
}

}  // namespace

Repository::Repository(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Repository::~Repository() = default;
Repository::Repository(Repository&&) noexcept = default;
Repository& Repository::operator=(Repository&&) noexcept = default;

Result<Repository> Repository::open(const std::string& path) {
  start_library();
  auto handle = std::make_unique<Handle>();
  TRY_GIT("can't open the repository " + path,
          git_repository_open_ext(out(handle->repository), path.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr));
  return Repository(std::move(handle));
}

Result<Repository> Repository::create_mirror(const std::string& path, const std::string& url) {
  start_library();
  auto handle = std::make_unique<Handle>();
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
  TRY_GIT("can't make the repository " + path, git_repository_init_ext(out(handle->repository), path.c_str(), &options));
  TRY([[maybe_unused]] const auto remote, make_remote(handle->repository.get(), "origin", url));
  return Repository(std::move(handle));
}

Status Repository::set_remote_url(const std::string& url) {
  ConfigHandle config;  // git_remote_set_url would look the remote up, see make_remote
  TRY_GIT("can't read the repository's settings", git_repository_config(out(config), handle_->repository.get()));
  TRY_GIT("can't use the address " + url, git_config_set_string(config.get(), "remote.origin.url", url.c_str()));
  return {};
}

Result<std::string> Repository::fetch(const ShouldStop& should_stop) {
  TRY(const std::string url, remote_url(handle_->repository.get()));
  TRY(const RemoteHandle remote, make_remote(handle_->repository.get(), nullptr, url));
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.prune = GIT_FETCH_PRUNE;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.callbacks.payload = const_cast<ShouldStop*>(&should_stop);
  options.callbacks.transfer_progress = [](const git_indexer_progress*, void* payload) {
    return (*static_cast<ShouldStop*>(payload))() ? GIT_EUSER : 0;
  };
  options.callbacks.sideband_progress = [](const char*, int, void* payload) { return (*static_cast<ShouldStop*>(payload))() ? GIT_EUSER : 0; };
  const std::string what = "can't fetch from " + url;
  TRY_GIT(what, git_remote_connect(remote.get(), GIT_DIRECTION_FETCH, &options.callbacks, nullptr, nullptr));
  // An empty repository has no default branch; that is no error here.
  Buffer name;
  std::string branch;
  if (git_remote_default_branch(name.get(), remote.get()) == 0) branch = name.str();
  TRY_GIT(what, git_remote_fetch(remote.get(), nullptr, &options, "fetch"));
  git_remote_disconnect(remote.get());
  constexpr std::string_view kHeads = "refs/heads/";
  if (branch.compare(0, kHeads.size(), kHeads) == 0) branch.erase(0, kHeads.size());
  return branch;
}

Result<std::string> Repository::resolve(const std::string& name) const {
  ObjectHandle object, commit;
  TRY_GIT("can't find \"" + name + "\"", git_revparse_single(out(object), handle_->repository.get(), name.c_str()));
  TRY_GIT("\"" + name + "\" is no commit", git_object_peel(out(commit), object.get(), GIT_OBJECT_COMMIT));
  return hex(*git_object_id(commit.get()));
}

namespace {
bool has_reference(git_repository* repository, const std::string& name) {
  ReferenceHandle reference;
  return git_reference_lookup(out(reference), repository, name.c_str()) == 0;
}
}  // namespace

bool Repository::has_branch(const std::string& name) const { return has_reference(handle_->repository.get(), "refs/heads/" + name); }
bool Repository::has_remote_branch(const std::string& name) const { return has_reference(handle_->repository.get(), "refs/remotes/origin/" + name); }

Status Repository::create_branch(const std::string& name, const std::string& commit) {
  TRY(const CommitHandle target, find_commit(handle_->repository.get(), commit));
  ReferenceHandle reference;
  TRY_GIT("can't make the branch " + name, git_branch_create(out(reference), handle_->repository.get(), name.c_str(), target.get(), 0));
  return {};
}

}  // namespace dossier::git
