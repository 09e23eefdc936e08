// What differs between two commits or trees, and how two histories meet.
#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

constexpr git_off_t kMaxTextBytes = 64 << 20;  // a larger file is compared as bytes

const char* change_name(git_delta_t status) {
  switch (status) {
    case GIT_DELTA_ADDED:
    case GIT_DELTA_COPIED:
    case GIT_DELTA_UNTRACKED: return "added";
    case GIT_DELTA_DELETED: return "deleted";
    case GIT_DELTA_RENAMED: return "renamed";
    case GIT_DELTA_TYPECHANGE: return "typechange";
    case GIT_DELTA_MODIFIED:
    case GIT_DELTA_UNMODIFIED:
    case GIT_DELTA_IGNORED:
    case GIT_DELTA_UNREADABLE:
    case GIT_DELTA_CONFLICTED: break;
  }
  return "modified";
}

int print_line(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* payload) {
  const auto& sink = *static_cast<const DiffSink*>(payload);
  std::string piece;
  if (line->origin == GIT_DIFF_LINE_CONTEXT || line->origin == GIT_DIFF_LINE_ADDITION || line->origin == GIT_DIFF_LINE_DELETION)
    piece += line->origin;
  piece.append(line->content, line->content_len);
  return sink(piece) ? 0 : GIT_EUSER;
}

Result<TreeHandle> find_tree(git_repository* repository, const std::string& id) {
  TRY(const git_oid oid, parse_oid(id));
  ObjectHandle object, peeled;
  TRY_GIT("can't find " + id, git_object_lookup(out(object), repository, &oid, GIT_OBJECT_ANY));
  TRY_GIT(id + " is no commit and no tree", git_object_peel(out(peeled), object.get(), GIT_OBJECT_TREE));
  TreeHandle tree;
  TRY_GIT("can't read the tree of " + id, git_tree_lookup(out(tree), repository, git_object_id(peeled.get())));
  return tree;
}

Result<DiffHandle> compare(git_repository* repository, const std::string& from, const std::string& to) {
  TRY(const TreeHandle old_tree, find_tree(repository, from));
  TRY(const TreeHandle new_tree, find_tree(repository, to));
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
  options.max_size = kMaxTextBytes;
  DiffHandle diff;
  TRY_GIT("can't compare " + from + " and " + to, git_diff_tree_to_tree(out(diff), repository, old_tree.get(), new_tree.get(), &options));
  git_diff_find_options find = GIT_DIFF_FIND_OPTIONS_INIT;
  find.flags = GIT_DIFF_FIND_RENAMES;
  find.rename_limit = 1'000;
  TRY_GIT("can't find renames", git_diff_find_similar(diff.get(), &find));
  return diff;
}

Result<ChangedFile> changed_file(git_diff* diff, std::size_t i) {
  PatchHandle patch;
  TRY_GIT("can't read a patch", git_patch_from_diff(out(patch), diff, i));
  const git_diff_delta* delta = git_diff_get_delta(diff, i);
  ChangedFile file;
  file.change = change_name(delta->status);
  file.path = delta->status == GIT_DELTA_DELETED ? delta->old_file.path : delta->new_file.path;
  if (delta->status == GIT_DELTA_RENAMED) file.old_path = delta->old_file.path;
  if (patch != nullptr) {
    std::size_t insertions = 0, deletions = 0;
    TRY_GIT("can't count lines", git_patch_line_stats(nullptr, &insertions, &deletions, patch.get()));
    file.insertions = static_cast<std::uint32_t>(insertions);
    file.deletions = static_cast<std::uint32_t>(deletions);
    file.binary = (git_patch_get_delta(patch.get())->flags & GIT_DIFF_FLAG_BINARY) != 0;
  } else {
    file.binary = (delta->flags & GIT_DIFF_FLAG_BINARY) != 0;
  }
  return file;
}

Result<Changes> changes_in(git_diff* diff, std::size_t most) {
  Changes changes;
  const std::size_t count = git_diff_num_deltas(diff);
  const std::size_t listed = std::min(count, most);
  changes.files.reserve(listed);
  for (std::size_t i = 0; i < listed; ++i) {
    TRY(ChangedFile file, changed_file(diff, i));
    changes.files.push_back(std::move(file));
  }
  changes.omitted = count - listed;
  return changes;
}

}  // namespace

Result<std::vector<ChangedFile>> Repository::diff(const std::string& from, const std::string& to, const DiffSink& sink) const {
  TRY(const DiffHandle diff, compare(handle_->repository.get(), from, to));
  TRY(Changes changes, changes_in(diff.get(), SIZE_MAX));
  const int printed = git_diff_print(diff.get(), GIT_DIFF_FORMAT_PATCH, print_line, const_cast<DiffSink*>(&sink));
  if (printed < 0 && printed != GIT_EUSER) return git_error_of(printed, "can't write the diff");
  return std::move(changes.files);
}

Result<Changes> Repository::changed_files(const std::string& from, const std::string& to, std::size_t most) const {
  if (from == to) return Changes{};
  TRY(const DiffHandle diff, compare(handle_->repository.get(), from, to));
  return changes_in(diff.get(), most);
}

Result<std::string> Repository::tree_of(const std::string& commit) const {
  TRY(const CommitHandle found, find_commit(handle_->repository.get(), commit));
  return hex(*git_commit_tree_id(found.get()));
}

Result<std::string> Repository::merge_base(const std::string& one, const std::string& two) const {
  TRY(const git_oid first, parse_oid(one));
  TRY(const git_oid second, parse_oid(two));
  git_oid base;
  TRY_GIT(one + " and " + two + " have no common ancestor", git_merge_base(&base, handle_->repository.get(), &first, &second));
  return hex(base);
}

Result<Distance> Repository::distance(const std::string& from, const std::string& to) const {
  TRY(const git_oid first, parse_oid(from));
  TRY(const git_oid second, parse_oid(to));
  Distance distance;
  TRY_GIT("can't count the commits between " + from + " and " + to,
          git_graph_ahead_behind(&distance.ahead, &distance.behind, handle_->repository.get(), &first, &second));
  return distance;
}

bool Repository::descends(const std::string& commit, const std::string& ancestor) const {
  if (commit == ancestor) return true;
  const auto one = parse_oid(commit), two = parse_oid(ancestor);
  return one && two && git_graph_descendant_of(handle_->repository.get(), &*one, &*two) == 1;
}

}  // namespace dossier::git
