// Inside platform/git only: libgit2's handles as RAII, its start, and the one translation of its errors.
#pragma once

#include <git2.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/git/git.hpp"

namespace dossier::git {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* handle) const noexcept {
    release(handle);
  }
};
#define DOSSIER_GIT_HANDLE(Name, type) using Name = std::unique_ptr<git_##type, Release<git_##type##_free>>
DOSSIER_GIT_HANDLE(RepositoryHandle, repository);
DOSSIER_GIT_HANDLE(RemoteHandle, remote);
DOSSIER_GIT_HANDLE(ConfigHandle, config);
DOSSIER_GIT_HANDLE(ReferenceHandle, reference);
DOSSIER_GIT_HANDLE(ObjectHandle, object);
DOSSIER_GIT_HANDLE(CommitHandle, commit);
DOSSIER_GIT_HANDLE(TreeHandle, tree);
DOSSIER_GIT_HANDLE(IndexHandle, index);
DOSSIER_GIT_HANDLE(DiffHandle, diff);
DOSSIER_GIT_HANDLE(PatchHandle, patch);
DOSSIER_GIT_HANDLE(SignatureHandle, signature);
DOSSIER_GIT_HANDLE(WorktreeHandle, worktree);
DOSSIER_GIT_HANDLE(BlobHandle, blob);
DOSSIER_GIT_HANDLE(OdbHandle, odb);
#undef DOSSIER_GIT_HANDLE

// An out parameter for a handle: git_x_lookup(out(handle), …).
template <class Handle>
class Out {
 public:
  explicit Out(Handle& handle) : handle_(handle) {}
  ~Out() { handle_.reset(raw_); }
  operator typename Handle::pointer *() { return &raw_; }  // NOLINT(google-explicit-constructor)

 private:
  Handle& handle_;
  typename Handle::pointer raw_ = nullptr;
};
template <class Handle>
Out<Handle> out(Handle& handle) {
  return Out<Handle>(handle);
}

class Strings {  // git_strarray
 public:
  Strings() = default;
  ~Strings() { git_strarray_dispose(&array_); }
  Strings(const Strings&) = delete;
  Strings& operator=(const Strings&) = delete;
  git_strarray* get() { return &array_; }
  std::size_t size() const { return array_.count; }
  std::string operator[](std::size_t i) const { return array_.strings[i]; }

 private:
  git_strarray array_{};
};

class Buffer {  // git_buf
 public:
  Buffer() = default;
  ~Buffer() { git_buf_dispose(&buffer_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  git_buf* get() { return &buffer_; }
  std::string str() const { return buffer_.ptr == nullptr ? "" : std::string(buffer_.ptr, buffer_.size); }

 private:
  git_buf buffer_{};
};

// Before the first use of the library; again is nothing.
void start_library();

Error git_error_of(int result, const std::string& what);
// TRY_GIT("can't …", git_call(…)): return the error from this function.
#define TRY_GIT(what, call)                                      \
  do {                                                           \
    const int git_result = (call);                               \
    if (git_result < 0) return git_error_of(git_result, (what)); \
  } while (false)

std::string hex(const git_oid& id);
Result<git_oid> parse_oid(const std::string& hex);
Result<CommitHandle> find_commit(git_repository* repository, const std::string& id);

struct Repository::Handle {
  RepositoryHandle repository;
};

}  // namespace dossier::git
