// A directory's content as a tree: an index of its own remembers sizes and times, so that only what changed is read again.
// libgit2 finds what differs; the content itself is read here, without following a link, because whoever works in the
// directory may swap a folder for a link between the look and the reading.
#include <fcntl.h>
#include <git2/sys/repository.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "platform/git/beneath.hpp"
#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 256 * 1024;

bool ends_with(std::string_view text, std::string_view end) { return text.size() >= end.size() && text.substr(text.size() - end.size()) == end; }

class Snapshooter {
 public:
  Snapshooter(git_repository* repository, git_index* index, Folder folder, const SnapshotLimits& limits)
      : repository_(repository), index_(index), folder_(std::move(folder)), limits_(limits) {}

  // Brings the index to what the directory holds now. False: a list of ignored files changed, so what is tracked only because it
  // was there before the list has to be judged again.
  Result<bool> update(bool judge_ignored);
  Snapshot& snapshot() { return snapshot_; }
  bool changed() const { return changed_; }
  bool dropped() const { return dropped_; }

 private:
  Status take(const std::string& path);
  Status take_link(const std::string& path, git_index_entry& entry);
  Status take_file(const std::string& path, git_index_entry& entry);
  Status drop(const std::string& path);
  void leave_out(const std::string& path, const std::string& why);

  git_repository* repository_;
  git_index* index_;
  Folder folder_;
  SnapshotLimits limits_;
  Snapshot snapshot_;
  bool changed_ = false;
  bool dropped_ = false;
};

Result<bool> Snapshooter::update(bool judge_ignored) {
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  // UPDATE_INDEX: what was read and found the same gets its new times, and is not read the next time.
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS | GIT_DIFF_UPDATE_INDEX;
  // A submodule's link stays as the parent has it: what was checked out or committed in it is not ours.
  options.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
  DiffHandle diff;
  TRY_GIT("can't compare the directory with its index", git_diff_index_to_workdir(out(diff), repository_, index_, &options));
  const std::size_t count = git_diff_num_deltas(diff.get());
  if (count > limits_.files)
    return make_error(Code::payload_too_large,
                      "more than " + std::to_string(limits_.files) + " files changed at once; name what is generated in .gitignore");
  std::vector<std::string> taken;
  for (std::size_t i = 0; i < count; ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    const std::string path = delta->status == GIT_DELTA_DELETED ? delta->old_file.path : delta->new_file.path;
    // A repository that was cloned inside the directory is named with a '/' at its end. It is left out: its content is not
    // ours, and a link to a commit which nobody else has would help no one.
    if (path.empty() || path.back() == '/') continue;
    if (judge_ignored && (path == ".gitignore" || ends_with(path, "/.gitignore"))) return false;
    if (delta->status == GIT_DELTA_DELETED && !folder_.status(path)) {
      TRY_STATUS(drop(path));
    } else {
      taken.push_back(path);
    }
  }
  for (const std::string& path : taken) TRY_STATUS(take(path));
  return true;
}

Status Snapshooter::drop(const std::string& path) {
  const int dropped = git_index_remove_bypath(index_, path.c_str());
  if (dropped < 0 && dropped != GIT_ENOTFOUND) return git_error_of(dropped, "can't take " + path + " out of the index");
  changed_ = true;
  dropped_ = true;
  return {};
}

void Snapshooter::leave_out(const std::string& path, const std::string& why) {
  ++snapshot_.left_out_count;
  if (snapshot_.left_out.size() < kMaxLeftOut) snapshot_.left_out.push_back(path + ": " + why);
}

Status Snapshooter::take(const std::string& path) {
  const auto found = folder_.status(path);
  if (!found) return drop(path);  // gone since, or behind a link now
  git_index_entry entry{};
  entry.path = path.c_str();
  Status taken;
  if (S_ISLNK(found->st_mode))
    taken = take_link(path, entry);
  else if (S_ISREG(found->st_mode))
    taken = take_file(path, entry);
  else
    return drop(path);  // a folder, pipe or socket where a file was
  if (!taken && taken.error().code == Code::not_found) return drop(path);
  if (!taken && (taken.error().code == Code::forbidden || taken.error().code == Code::payload_too_large)) {
    leave_out(path, taken.error().message);
    return {};
  }
  TRY_STATUS(taken);
  // A file that is in place of a folder, or in a folder that is in place of a file, takes that one's entries out; those are
  // among the dropped ones too.
  const int added = git_index_add(index_, &entry);
  if (added < 0) leave_out(path, git_error_of(added, "git takes no such name").message);
  changed_ = true;
  return {};
}

void fill(git_index_entry& entry, const struct stat& found, std::uint32_t mode) {
  entry.mode = mode;
  entry.ctime = {static_cast<std::int32_t>(found.st_ctim.tv_sec), static_cast<std::uint32_t>(found.st_ctim.tv_nsec)};
  entry.mtime = {static_cast<std::int32_t>(found.st_mtim.tv_sec), static_cast<std::uint32_t>(found.st_mtim.tv_nsec)};
  entry.ino = static_cast<std::uint32_t>(found.st_ino);
  entry.uid = found.st_uid;
  entry.gid = found.st_gid;
  entry.file_size = static_cast<std::uint32_t>(found.st_size);
}

Status Snapshooter::take_link(const std::string& path, git_index_entry& entry) {
  TRY(const struct stat found, folder_.status(path));
  TRY(const std::string target, folder_.read_link(path));
  fill(entry, found, GIT_FILEMODE_LINK);
  TRY_GIT("can't store " + path, git_blob_create_from_buffer(&entry.id, repository_, target.data(), target.size()));
  return {};
}

Status Snapshooter::take_file(const std::string& path, git_index_entry& entry) {
  TRY(const Descriptor file, folder_.open_file(path));
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) return make_error(Code::io, "can't read " + path + ": " + std::strerror(errno));
  if (static_cast<std::uint64_t>(found.st_size) > limits_.file_bytes)
    return make_error(Code::payload_too_large, "is larger than " + std::to_string(limits_.file_bytes) + " bytes");
  // As it was before the reading: what is written meanwhile looks changed the next time.
  fill(entry, found, (found.st_mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB);
  git_writestream* stream = nullptr;
  // The path picks the filters (line endings) by .gitattributes; nothing is read from it.
  TRY_GIT("can't store " + path, git_blob_create_from_stream(&stream, repository_, path.c_str()));
  std::vector<char> buffer(std::min<std::size_t>(kReadBytes, static_cast<std::size_t>(found.st_size) + 1));
  std::uint64_t size = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) break;
    size += got > 0 ? static_cast<std::uint64_t>(got) : 0;
    // A file may grow for as long as it is read.
    if (got < 0 || size > limits_.file_bytes || stream->write(stream, buffer.data(), static_cast<std::size_t>(got)) < 0) {
      const int number = errno;
      stream->free(stream);
      if (got >= 0 && size > limits_.file_bytes) return make_error(Code::payload_too_large, "grew over the limit while it was read");
      return make_error(Code::io, "can't store " + path + ": " + std::strerror(number));
    }
  }
  TRY_GIT("can't store " + path, git_blob_create_from_stream_commit(&entry.id, stream));
  return {};
}

// Entries which are the same in `commit` keep their times; what only the index had goes.
Status refill(git_repository* repository, git_index* index, const std::string& commit) {
  TRY(const CommitHandle parent, find_commit(repository, commit));
  TreeHandle tree;
  TRY_GIT("can't read the branch's tree", git_commit_tree(out(tree), parent.get()));
  TRY_GIT("can't fill the index", git_index_read_tree(index, tree.get()));
  return {};
}

// What `commit` has stays tracked also where it was away for a while and is ignored when it comes back.
Status restore_dropped(git_repository* repository, git_index* index, const std::string& commit) {
  TRY(const CommitHandle parent, find_commit(repository, commit));
  TreeHandle tree;
  TRY_GIT("can't read the branch's tree", git_commit_tree(out(tree), parent.get()));
  DiffHandle diff;
  TRY_GIT("can't compare the index with the branch's tree", git_diff_tree_to_index(out(diff), repository, tree.get(), index, nullptr));
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    if (delta->status != GIT_DELTA_DELETED) continue;
    git_index_entry entry{};
    entry.path = delta->old_file.path;
    entry.id = delta->old_file.id;
    entry.mode = delta->old_file.mode;
    // Where something else has taken its place in the index it stays away.
    if (git_index_get_bypath(index, entry.path, 0) == nullptr) TRY_GIT("can't fill the index", git_index_add(index, &entry));
  }
  return {};
}

// Beside the index: the commit that it was filled from, and whether some of that commit's files are not in it.
struct IndexState {
  std::string parent;
  bool dropped = false;
};
IndexState read_state(const std::string& file) {
  IndexState state;
  std::string dropped;
  std::ifstream stream(file);
  stream >> state.parent >> dropped;
  state.dropped = dropped == "dropped";
  return state;
}
bool write_state(const std::string& file, const IndexState& state) {
  std::ofstream stream(file, std::ios::trunc);
  stream << state.parent << (state.dropped ? " dropped\n" : "\n");
  stream.close();
  return !stream.fail();
}

// The private index as it was left, or an empty one: a damaged or half-written one costs time and nothing else.
Result<IndexHandle> open_index(const std::string& file) {
  std::error_code ignored;
  fs::remove(file + ".lock", ignored);  // of a process that died; this one is alone with the index
  IndexHandle index;
  if (git_index_open(out(index), file.c_str()) == 0) return index;
  index.reset();
  fs::remove(file, ignored);
  fs::remove(file + ".parent", ignored);
  TRY_GIT("can't make the index " + file, git_index_open(out(index), file.c_str()));
  return index;
}

}  // namespace

Status Repository::begin_index(const std::string& worktree, const std::string& index_file, const std::string& parent) const {
  const fs::path own = fs::path(git_repository_commondir(handle_->repository.get())) / "worktrees" / worktree / "index";
  std::error_code failed;
  fs::remove(index_file + ".parent", failed);
  fs::copy_file(own, index_file, fs::copy_options::overwrite_existing, failed);
  // A file as young as the index is read again, whatever its size and time: so the copy must not look younger than its original.
  if (!failed) fs::last_write_time(index_file, fs::last_write_time(own, failed), failed);
  if (failed || !write_state(index_file + ".parent", {parent, false})) return make_error(Code::io, "can't write " + index_file);
  return {};
}

Result<Snapshot> Repository::snapshot(const std::string& path, const std::string& index_file, const std::string& parent,
                                      const SnapshotLimits& limits) const {
  // Another object on the same repository: the directory and index set here must not stay with this one.
  RepositoryHandle repository;
  TRY_GIT("can't open the repository", git_repository_open_bare(out(repository), git_repository_commondir(handle_->repository.get())));
  TRY(IndexHandle index, open_index(index_file));
  const std::string parent_file = index_file + ".parent";
  const IndexState before = read_state(parent_file);
  bool refilled = before.parent != parent;
  if (refilled) {
    TRY_STATUS(refill(repository.get(), index.get(), parent));
  } else if (before.dropped) {
    TRY_STATUS(restore_dropped(repository.get(), index.get(), parent));
  }
  TRY_GIT("can't enter " + path, git_repository_set_workdir(repository.get(), path.c_str(), 0));
  TRY_GIT("can't use the index", git_repository_set_index(repository.get(), index.get()));
  TRY(Folder folder, Folder::open(path));
  Snapshooter snapshooter(repository.get(), index.get(), std::move(folder), limits);
  TRY(const bool settled, snapshooter.update(!refilled));
  if (!settled) {
    refilled = true;
    TRY_STATUS(refill(repository.get(), index.get(), parent));
    TRY([[maybe_unused]] const bool again, snapshooter.update(false));
  }
  git_oid id;
  TRY_GIT("can't write the tree of " + path, git_index_write_tree_to(&id, index.get(), repository.get()));
  const IndexState after{parent, snapshooter.dropped()};
  const bool new_state = refilled || after.dropped != before.dropped;
  // The index says what the state says of it at every moment: without one it is filled anew.
  std::error_code failed;
  if (new_state) fs::remove(parent_file, failed);
  if (refilled || snapshooter.changed()) TRY_GIT("can't write the index " + index_file, git_index_write(index.get()));
  if (failed || (new_state && !write_state(parent_file, after))) return make_error(Code::io, "can't write " + parent_file);
  snapshooter.snapshot().tree = hex(id);
  return std::move(snapshooter.snapshot());
}

}  // namespace dossier::git
