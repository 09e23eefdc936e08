// Opening, names, branches.
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

Status Repository::set_branch(const std::string& name, const std::string& commit) { return set_reference("refs/heads/" + name, commit); }

Status Repository::set_reference(const std::string& full_name, const std::string& commit) {
  TRY(const CommitHandle target, find_commit(handle_->repository.get(), commit));
  ReferenceHandle reference;
  TRY_GIT("can't set " + full_name,
          git_reference_create(out(reference), handle_->repository.get(), full_name.c_str(), git_commit_id(target.get()), 1, "dossier"));
  return {};
}

Status Repository::remove_branch(const std::string& name) {
  const std::string full_name = "refs/heads/" + name;
  if (!has_branch(name)) return {};
  TRY_GIT("can't remove the branch " + name, git_reference_remove(handle_->repository.get(), full_name.c_str()));
  return {};
}

Result<std::vector<std::string>> Repository::branch_names() const {
  std::vector<std::string> names;
  const auto take = [](const char* name, void* payload) {
    std::string_view rest(name);
    for (const std::string_view prefix : {std::string_view("refs/heads/"), std::string_view("refs/remotes/origin/")})
      if (rest.substr(0, prefix.size()) == prefix) static_cast<std::vector<std::string>*>(payload)->emplace_back(rest.substr(prefix.size()));
    return 0;
  };
  TRY_GIT("can't list the branches", git_reference_foreach_name(handle_->repository.get(), take, &names));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace dossier::git
