// Worktrees: made under git's own lock flag, so that a half-made one is recognised; mended; removed whatever is left of them.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "platform/git/beneath.hpp"
#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLine = 8'192;
constexpr std::string_view kHalfMade = "not checked out yet";  // the reason in git's lock flag: another one is somebody else's

// One short line of git's own files; empty where there is none. Some lie where an agent writes: links and pipes are none.
std::string line_of(const fs::path& file) {
  const auto folder = Folder::open(file.parent_path());
  if (!folder) return "";
  const auto text = folder->read_file(file.filename().string(), kMaxLine);
  return text ? text->substr(0, text->find('\n')) : "";
}

// Git writes some of these paths with a '/' at the end, and without links.
bool same_path(const std::string& one, const fs::path& two) {
  std::error_code ignored;
  return !one.empty() && fs::weakly_canonical(one + "/.", ignored) == fs::weakly_canonical(two / ".", ignored);
}

std::string after(const std::string& line, std::string_view prefix) {
  return line.compare(0, prefix.size(), prefix) == 0 ? line.substr(prefix.size()) : "";
}

// Into a folder that was made a moment ago: nothing is there.
bool write_first_line(const fs::path& file, const std::string& line) {
  const Descriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  const std::string text = line + "\n";
  return made.get() >= 0 && ::write(made.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Over whatever is there, also a link, which is not followed.
bool write_line(const fs::path& file, const std::string& line) {
  if (line_of(file) == line) return true;
  std::error_code failed;
  const std::string making = file.string() + ".making";
  fs::remove_all(making, failed);
  if (!write_first_line(making, line)) return false;
  if (fs::is_directory(fs::symlink_status(file, failed))) fs::remove_all(file, failed);
  failed.clear();
  fs::rename(making, file, failed);
  return !failed;
}

fs::path registration(git_repository* repository, const std::string& name) {
  return fs::path(git_repository_commondir(repository)) / "worktrees" / name;
}

}  // namespace

// Not by git_worktree_add: that opens every other worktree to see whether one of them has the branch, which is the caller's to
// know here, and took half of the time with thirty of them.
Status Repository::add_worktree(const std::string& name, const std::string& path, const std::string& branch) {
  const fs::path registered = registration(handle_->repository.get(), name);
  std::error_code failed;
  fs::create_directories(registered.parent_path(), failed);
  fs::create_directories(fs::path(path).parent_path(), failed);
  if (!fs::create_directory(registered, failed))
    return failed ? make_error(Code::io, "can't register the worktree " + name + ": " + failed.message())
                  : make_error(Code::already_exists, "the worktree " + name + " is registered already");
  const bool written = write_first_line(registered / "locked", std::string(kHalfMade)) && write_first_line(registered / "gitdir", path + "/.git") &&
                       write_first_line(registered / "commondir", "../..") && write_first_line(registered / "HEAD", "ref: refs/heads/" + branch);
  if (!written) return make_error(Code::io, "can't write the registration of the worktree " + name);
  if (!fs::create_directory(path, failed))
    return failed ? make_error(Code::io, "can't make the worktree " + path + ": " + failed.message())
                  : make_error(Code::already_exists, "can't make the worktree: " + path + " is there already");
  if (!write_first_line(fs::path(path) / ".git", "gitdir: " + registered.string())) return make_error(Code::io, "can't write " + path + "/.git");
  RepositoryHandle worktree;
  TRY_GIT("can't open the worktree " + path, git_repository_open(out(worktree), path.c_str()));
  git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
  options.checkout_strategy = GIT_CHECKOUT_FORCE;
  TRY_GIT("can't check out " + branch + " at " + path, git_checkout_head(worktree.get(), &options));
  if (!fs::remove(registered / "locked", failed)) return make_error(Code::io, "can't finish the worktree " + path);
  return {};
}

Result<std::vector<Worktree>> Repository::worktrees() const {
  git_repository* repository = handle_->repository.get();
  std::vector<Worktree> found;
  // The folder is read instead of git_worktree_list, which leaves out registrations that lack a file.
  std::error_code failed;
  for (fs::directory_iterator at(registration(repository, ""), failed), end; !failed && at != end; at.increment(failed)) {
    Worktree item;
    item.name = at->path().filename().string();
    WorktreeHandle worktree;
    if (git_worktree_lookup(out(worktree), repository, item.name.c_str()) == 0) {
      item.path = git_worktree_path(worktree.get());
      item.complete = git_worktree_validate(worktree.get()) == 0 && git_worktree_is_locked(nullptr, worktree.get()) == 0;
    }
    found.push_back(std::move(item));
  }
  return found;
}

WorktreeState Repository::probe_worktree(const std::string& name, const std::string& path) const {
  git_repository* repository = handle_->repository.get();
  const fs::path registered = registration(repository, name);
  std::error_code ignored;
  WorktreeState state;
  state.directory = fs::is_directory(fs::symlink_status(path, ignored));
  state.registered = state.directory && same_path(fs::path(line_of(registered / "gitdir")).parent_path(), path) &&
                     !line_of(registered / "commondir").empty() && same_path(after(line_of(fs::path(path) / ".git"), "gitdir: "), registered) &&
                     fs::exists(registered / "index", ignored);
  state.half_made = line_of(registered / "locked") == kHalfMade;
  const std::string head = line_of(registered / "HEAD");
  constexpr std::string_view kOnBranch = "ref: refs/heads/";
  if (head.compare(0, kOnBranch.size(), kOnBranch) == 0) {
    state.branch = head.substr(kOnBranch.size());
    if (auto commit = resolve("refs/heads/" + state.branch)) state.head = *std::move(commit);
  } else if (head.size() == GIT_OID_HEXSZ) {
    if (find_commit(repository, head)) state.head = head;
  }
  return state;
}

Status Repository::attach_worktree(const std::string& name, const std::string& path, const std::string& branch) {
  git_repository* repository = handle_->repository.get();
  TRY(const std::string tip, resolve("refs/heads/" + branch));
  const fs::path registered = registration(repository, name);
  std::error_code ignored;
  fs::create_directories(registered, ignored);
  fs::remove(registered / "locked", ignored);
  fs::remove(registered / "index.lock", ignored);  // of a git program that was killed
  fs::remove(registered / "HEAD.lock", ignored);
  const bool written = write_line(registered / "gitdir", path + "/.git") && write_line(registered / "commondir", "../..") &&
                       write_line(registered / "HEAD", "ref: refs/heads/" + branch) &&
                       write_line(fs::path(path) / ".git", "gitdir: " + registered.string());
  if (!written) return make_error(Code::io, "can't write the registration of the worktree " + name);
  TRY(const CommitHandle commit, find_commit(repository, tip));
  TreeHandle tree;
  TRY_GIT("can't read the tree of " + tip, git_commit_tree(out(tree), commit.get()));
  IndexHandle index;
  const std::string index_file = (registered / "index").string();
  if (git_index_open(out(index), index_file.c_str()) != 0) {
    fs::remove(index_file, ignored);
    TRY_GIT("can't make the index of " + name, git_index_open(out(index), index_file.c_str()));
  }
  TRY_GIT("can't fill the index of " + name, git_index_read_tree(index.get(), tree.get()));
  TRY_GIT("can't write the index of " + name, git_index_write(index.get()));
  return {};
}

Status Repository::forget_worktree(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    return make_error(Code::invalid_field, "\"" + name + "\" is no worktree's name");
  std::error_code failed;
  fs::remove_all(registration(handle_->repository.get(), name), failed);
  if (failed) return make_error(Code::io, "can't remove the registration of the worktree " + name + ": " + failed.message());
  return {};
}

}  // namespace dossier::git
