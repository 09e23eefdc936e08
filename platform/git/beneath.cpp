// Walking down by descriptors, a step at a time.
#include "platform/git/beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace dossier::git {
namespace {

namespace fs = std::filesystem;

Error error_of(int number, std::string_view relative) {
  const std::string path(relative);
  if (number == ENOENT) return make_error(Code::not_found, "there is no " + path);
  if (number == ELOOP || number == ENOTDIR) return make_error(Code::forbidden, path + " is reached by a link or through a file");
  if (number == EACCES || number == EPERM) return make_error(Code::forbidden, "no right to read " + path);
  return make_error(Code::io, "can't read " + path + ": " + std::strerror(number));
}

bool plain_step(std::string_view step) { return !step.empty() && step != "." && step != ".." && step.find('\0') == std::string_view::npos; }

std::string name_of(int fd, const std::string& name) { return "/proc/self/fd/" + std::to_string(fd) + "/" + name; }

// Folders without the right to write (a module cache is made so) keep what is in them.
void make_removable(const std::string& path) {
  std::error_code failed;
  if (fs::is_directory(fs::symlink_status(path, failed)))
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::add | fs::perm_options::nofollow, failed);
  for (fs::recursive_directory_iterator at(path, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code ignored;
    if (at->is_directory(ignored) && !at->is_symlink(ignored))
      fs::permissions(at->path(), fs::perms::owner_all, fs::perm_options::add | fs::perm_options::nofollow, ignored);
  }
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}
Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Result<Folder> Folder::open(const std::string& path) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) return error_of(errno, path);
  return Folder(std::move(folder));
}

Result<Descriptor> Folder::parent_of(std::string_view relative, std::string& name) const {
  Descriptor at(::fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0));
  if (at.get() < 0) return error_of(errno, relative);
  std::string_view rest = relative;
  for (;;) {
    const std::size_t slash = rest.find('/');
    const std::string step(rest.substr(0, slash));
    if (!plain_step(step)) return make_error(Code::forbidden, "\"" + std::string(relative) + "\" is no plain path below the folder");
    if (slash == std::string_view::npos) {
      name = step;
      return at;
    }
    Descriptor next(::openat(at.get(), step.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) return error_of(errno, relative);
    at = std::move(next);
    rest.remove_prefix(slash + 1);
  }
}

Result<Folder> Folder::below(std::string_view relative) const {
  std::string name;
  TRY(const Descriptor parent, parent_of(relative, name));
  Descriptor folder(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.get() < 0) return error_of(errno, relative);
  return Folder(std::move(folder));
}

Result<struct stat> Folder::status(std::string_view relative) const {
  std::string name;
  TRY(const Descriptor parent, parent_of(relative, name));
  struct stat found{};
  if (::fstatat(parent.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return error_of(errno, relative);
  return found;
}

Result<Descriptor> Folder::open_file(std::string_view relative) const {
  std::string name;
  TRY(const Descriptor parent, parent_of(relative, name));
  Descriptor file(::openat(parent.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (file.get() < 0) return error_of(errno, relative);
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) return error_of(errno, relative);
  if (!S_ISREG(found.st_mode)) return make_error(Code::forbidden, std::string(relative) + " is no regular file");
  return file;
}

Result<std::string> Folder::read_link(std::string_view relative) const {
  std::string name;
  TRY(const Descriptor parent, parent_of(relative, name));
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(parent.get(), name.c_str(), target, sizeof target);
  if (size < 0) return error_of(errno, relative);
  return std::string(target, static_cast<std::size_t>(size));
}

Result<std::string> Folder::read_file(std::string_view relative, std::size_t max_bytes) const {
  TRY(const Descriptor file, open_file(relative));
  std::string text(max_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_of(errno, relative);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > max_bytes) return make_error(Code::payload_too_large, std::string(relative) + " has more than " + std::to_string(max_bytes) + " bytes");
  text.resize(size);
  return text;
}

Status Folder::remove_all(std::string_view relative) const {
  std::string name;
  auto parent = parent_of(relative, name);
  if (!parent) return parent.error().code == Code::not_found ? Status() : Status(parent.error());
  // The parent is held by its descriptor, and std::filesystem goes down from there without following links.
  const std::string path = name_of(parent->get(), name);
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed == std::errc::permission_denied) {
    make_removable(path);
    fs::remove_all(path, failed);
  }
  if (failed) return make_error(Code::io, "can't remove " + std::string(relative) + ": " + failed.message());
  return {};
}

}  // namespace dossier::git
