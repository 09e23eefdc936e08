// Looking through a tree for what libgit2 can't check out: files in Git LFS, submodules.
#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/v1\n";
constexpr std::size_t kMaxPointerBytes = 1'024;  // as the format says

struct Search {
  git_repository* repository;
  OdbHandle objects;
  bool has_filter = false;
  Content content;
};

int look_for_pointer(const char* folder, const git_tree_entry* entry, void* payload) {
  Search& search = *static_cast<Search*>(payload);
  const git_filemode_t mode = git_tree_entry_filemode(entry);
  if ((mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE) || !search.content.lfs_example.empty()) return 0;
  std::size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  if (git_odb_read_header(&size, &type, search.objects.get(), git_tree_entry_id(entry)) != 0 || size > kMaxPointerBytes || size < kPointer.size())
    return 0;
  BlobHandle blob;
  if (git_blob_lookup(out(blob), search.repository, git_tree_entry_id(entry)) != 0) return 0;
  const std::string_view text(static_cast<const char*>(git_blob_rawcontent(blob.get())), size);
  if (text.substr(0, kPointer.size()) == kPointer) search.content.lfs_example = std::string(folder) + git_tree_entry_name(entry);
  return 0;
}

// Submodules, and whether any ".gitattributes" speaks of LFS: where none does no blob need be opened.
int look_for_filter(const char* folder, const git_tree_entry* entry, void* payload) {
  Search& search = *static_cast<Search*>(payload);
  if (git_tree_entry_filemode(entry) == GIT_FILEMODE_COMMIT && search.content.submodule_count++ < kMaxSubmodules)
    search.content.submodules.push_back(std::string(folder) + git_tree_entry_name(entry));
  if (search.has_filter || std::string_view(git_tree_entry_name(entry)) != ".gitattributes") return 0;
  BlobHandle blob;
  if (git_blob_lookup(out(blob), search.repository, git_tree_entry_id(entry)) != 0) return 0;
  const std::string_view text(static_cast<const char*>(git_blob_rawcontent(blob.get())), static_cast<std::size_t>(git_blob_rawsize(blob.get())));
  search.has_filter = text.find("filter=lfs") != std::string_view::npos;
  return 0;
}

}  // namespace

Result<Content> Repository::content(const std::string& commit) const {
  git_repository* repository = handle_->repository.get();
  TRY(const CommitHandle found, find_commit(repository, commit));
  TreeHandle tree;
  TRY_GIT("can't read the tree of " + commit, git_commit_tree(out(tree), found.get()));
  Search search{repository, {}, false, {}};
  TRY_GIT("can't read the tree of " + commit, git_tree_walk(tree.get(), GIT_TREEWALK_PRE, look_for_filter, &search));
  if (search.has_filter) {
    TRY_GIT("can't read the objects", git_repository_odb(out(search.objects), repository));
    TRY_GIT("can't read the tree of " + commit, git_tree_walk(tree.get(), GIT_TREEWALK_PRE, look_for_pointer, &search));
  }
  return std::move(search.content);
}

}  // namespace dossier::git
