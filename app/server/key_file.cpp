// Reads or makes the key file.
#include "app/server/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::app {
namespace {

constexpr std::size_t kKeyBytes = 32;

Error failure(const std::string& file, const std::string& what) { return make_error(Code::io, "key file " + file + ": " + what); }

// Written whole under another name and then linked, so that nobody ever reads half a key; a file that is there wins.
Status make_file(const std::string& file) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), ignored);
  const std::string fresh = file + "." + crypto::random_uuid_hex();
  const int out = ::open(fresh.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (out < 0) return failure(file, std::strerror(errno));
  const std::string text = to_hex(crypto::random_bytes(kKeyBytes)) + "\n";
  const bool written = ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(out) == 0;
  ::close(out);
  const bool linked = written && (::link(fresh.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int reason = errno;
  ::unlink(fresh.c_str());
  if (!linked) return failure(file, std::strerror(reason));
  return {};
}

}  // namespace

Result<ServerKeys> load_keys(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT) return failure(file, std::strerror(errno));
    TRY_STATUS(make_file(file));
    if (::stat(file.c_str(), &status) != 0) return failure(file, std::strerror(errno));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return failure(file, "others than its owner may read it: chmod 600");
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (!std::getline(in, text)) return failure(file, "can't be read");
  const auto key = from_hex(text);
  if (!key || key->size() != kKeyBytes) return failure(file, "is no key: 64 hex digits are expected");
  const auto derive = [&](std::string_view use) { return std::string(crypto::view(crypto::hmac_sha256(*key, use))); };
  return ServerKeys{derive("dossier.names.v1"), derive("dossier.tokens.v1"), derive("dossier.seals.v1")};
}

}  // namespace dossier::app
