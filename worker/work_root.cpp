// Lock and key of the work root.
#include "worker/work_root.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/encoding.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kSeedBytes = 32;

Error system_error(const std::string& what) { return make_error(Code::io, what + ": " + std::strerror(errno)); }

// Under another name first, so that a crash leaves no half a key.
Status write_secret(const std::string& path, const std::string& content) {
  const std::string making = path + ".making";
  const int file = ::open(making.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return system_error("can't write " + making);
  const bool written = ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(making.c_str(), path.c_str()) != 0) return system_error("can't write " + path);
  return {};
}

}  // namespace

Status check_reachable(const std::string& folder, const process::Account& account) {
  const auto enter = [&](const std::string& directory) -> Status {
    process::SpawnOptions options;
    options.argv = {"/bin/true"};
    options.working_directory = directory;
    options.account = account;
    options.pipe_stdin = false;
    TRY([[maybe_unused]] const auto ended, process::Process::spawn(options));
    return {};
  };
  if (enter(folder)) return {};
  // Where not even the root is entered it is no folder that is in the way.
  if (const Status root = enter("/"); !root) return make_error(root.error().code, "nothing runs as " + account.name + ": " + root.error().message);
  std::string closed;
  for (const auto& part : std::filesystem::path(folder)) {
    closed = (std::filesystem::path(closed) / part).string();
    if (!enter(closed)) break;
  }
  return make_error(Code::forbidden, "agents run as " + account.name + ", which can't pass through " + closed +
                                         ": give that folder the right to (chmod o+x), or put the work root elsewhere by --work-root");
}

Result<WorkRoot> WorkRoot::open(const std::string& path) {
  std::error_code failed;
  const std::string absolute = std::filesystem::absolute(path, failed).lexically_normal().string();
  // Agents of another account have to pass through it; what is secret in it has its own mode.
  std::filesystem::create_directories(absolute, failed);
  if (failed) return make_error(Code::io, "can't make the work root " + absolute + ": " + failed.message());
  const std::string lock_path = absolute + "/worker.lock";
  const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return system_error("can't open " + lock_path);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return make_error(Code::conflict, "another worker uses the work root " + absolute + "; stop it, or give this one its own by --work-root");
  }
  return WorkRoot(absolute, lock);
}

WorkRoot::~WorkRoot() {
  if (lock_ >= 0) ::close(lock_);
}
WorkRoot::WorkRoot(WorkRoot&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

Result<crypto::KeyPair> WorkRoot::key_pair() const {
  const std::string path = path_ + "/worker.key";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0 && errno == ENOENT) {
    const std::string seed = crypto::random_bytes(kSeedBytes);
    TRY_STATUS(write_secret(path, to_hex(seed) + "\n"));
    return crypto::key_pair_from_seed(seed);
  }
  if (file < 0) return system_error("can't read " + path);
  char buffer[2 * kSeedBytes + 2];
  const ssize_t got = ::read(file, buffer, sizeof buffer);
  ::close(file);
  std::string_view text(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const auto seed = from_hex(text);
  if (!seed || seed->size() != kSeedBytes)
    return make_error(Code::corrupt, path + " is no worker's key; remove it, and this worker registers as a new one");
  return crypto::key_pair_from_seed(*seed);
}

std::string WorkRoot::family_prefix() const { return to_hex(crypto::view(crypto::sha256(path_))).substr(0, 16) + ":"; }

}  // namespace dossier::worker
