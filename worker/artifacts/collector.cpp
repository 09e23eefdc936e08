// openat from folder to folder, no link followed; what is behind a name may change while it is looked at, so everything is
// asked of the open file.
#include "worker/artifacts/collector.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::artifacts {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string reason() { return std::strerror(errno); }

// Names in order. nullopt: too many.
std::optional<std::vector<std::string>> list(int folder) {
  std::vector<std::string> names;
  DIR* const directory = ::fdopendir(::dup(folder));
  if (directory == nullptr) return names;
  bool fits = true;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    fits = names.size() < kMaxEntries;
    if (!fits) break;
    names.push_back(name);
  }
  ::closedir(directory);
  if (!fits) return std::nullopt;
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<Fault> fault_of_file(const struct stat& info, const FileForm& form) {
  if (S_ISLNK(info.st_mode)) return Fault{"not_a_file", "is a symbolic link; put the file itself there"};
  if (S_ISDIR(info.st_mode)) return Fault{"not_a_file", "is a folder; evidence is files"};
  if (!S_ISREG(info.st_mode)) return Fault{"not_a_file", "is a device, pipe or socket; evidence is files"};
  if (info.st_nlink > 1) return Fault{"not_a_file", "has other names elsewhere (hard links); put a copy there"};
  if (static_cast<std::uint64_t>(info.st_size) > form.max_bytes)
    return Fault{"too_large", "has " + std::to_string(info.st_size) + " bytes, at most " + std::to_string(form.max_bytes) + " are taken"};
  return std::nullopt;
}

// The content, or what is wrong with the file.
std::optional<Fault> read_file(int folder, const std::string& name, const FileForm& form, std::string& content) {
  struct stat info{};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Fault{"unreadable", "can't be read: " + reason()};
  if (auto fault = fault_of_file(info, form)) return fault;
  // Non-blocking: what was a file may be a pipe by now.
  const File file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.is_open() || ::fstat(file.fd(), &info) != 0) return Fault{"unreadable", "can't be read: " + reason()};
  if (auto fault = fault_of_file(info, form)) return fault;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.fd(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fault{"unreadable", "can't be read: " + reason()};
    if (got == 0) return std::nullopt;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > form.max_bytes)
      return Fault{"too_large", "grows while it is read, at most " + std::to_string(form.max_bytes) + " bytes are taken"};
  }
}

}  // namespace

bool Collector::is_news(const std::string& name, const std::string& state) {
  auto& told = told_[name];
  return std::exchange(told, state) != state;
}

void Collector::reject(const Sinks& sinks, Rejected rejected) {
  rejected.message = masking::mask_text(secrets_, rejected.name + ": " + rejected.message);
  if (!is_news(rejected.name, rejected.code + " " + rejected.message)) return;
  rejected.name = clean_text(masking::mask_text(secrets_, rejected.name), kMaxName);
  rejected.message = clean_text(rejected.message, 4'096);
  sinks.rejected(std::move(rejected));
}

void Collector::take(int folder, const std::string& name, const Sinks& sinks) {
  const auto form = form_of(name);
  if (!form) return reject(sinks, {"", name, "unknown_name", "is no evidence; known are " + std::string(kKnownNames)});
  std::string content;
  if (const auto fault = read_file(folder, name, *form, content)) return reject(sinks, {std::string(form->kind), name, fault->code, fault->message});
  Checked checked = check_content(*form, content);
  if (checked.fault) return reject(sinks, {std::string(form->kind), name, checked.fault->code, checked.fault->message});

  Artifact artifact;
  artifact.content = masking::mask_text(secrets_, content, &artifact.masked);
  if (artifact.masked > 0 && check_content(*form, artifact.content).fault)
    return reject(sinks, {std::string(form->kind), name, "masked", "holds a secret whose masking leaves nothing valid; take it out"});
  artifact.sha256_hex = to_hex(crypto::view(crypto::sha256(artifact.content)));
  if (!is_news(name, artifact.sha256_hex)) return;
  artifact.kind = form->kind;
  artifact.name = clean_text(masking::mask_text(secrets_, name), kMaxName);
  artifact.media_type = form->media_type;
  artifact.tests = checked.tests;
  sinks.accepted(std::move(artifact));
}

void Collector::collect(const std::string& worktree, const Sinks& sinks) {
  const File root(::open(worktree.c_str(), kFolder));
  if (!root.is_open()) return reject(sinks, {"", kSessionFolder, "unreadable", "can't be read, the worktree is gone: " + reason()});
  const File dossier(::openat(root.fd(), ".dossier", kFolder));
  if (!dossier.is_open() && errno == ENOENT) return;
  const File folder(dossier.is_open() ? ::openat(dossier.fd(), "session", kFolder) : -1);
  if (!folder.is_open()) {
    if (dossier.is_open() && errno == ENOENT) return;
    return reject(sinks, {"", kSessionFolder, "not_a_folder", "must be a folder, and no link to one"});
  }
  const auto names = list(folder.fd());
  if (!names)
    return reject(sinks, {"", kSessionFolder, "too_many_files", "holds more than " + std::to_string(kMaxEntries) + " files; none is taken"});
  for (std::size_t i = 0; i < names->size() && i < kMaxFiles; ++i) take(folder.fd(), (*names)[i], sinks);
  if (names->size() > kMaxFiles)
    reject(sinks, {"", kSessionFolder, "too_many_files",
                   "holds " + std::to_string(names->size()) + " files; the first " + std::to_string(kMaxFiles) + " by name are taken"});
}

}  // namespace dossier::worker::artifacts
