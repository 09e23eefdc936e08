// Telling the library by how much.
#include "tests/robustness/turned_clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

namespace dossier::test {

std::string why_no_turned_clock() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "no library can be loaded before a sanitizer's";
#else
  return {};
#endif
}

EnvironmentChanges turned_clock(const std::string& file) {
  return {{"LD_PRELOAD", std::string(DOSSIER_BINARY_DIR) + "/tests/support/libdossier_turned_clock.so"}, {"DOSSIER_TURNED_CLOCK", file}};
}

void set_turned_clock(const std::string& file, std::int64_t seconds) {
  // In place: the process has this very file mapped.
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::pwrite(fd, &seconds, sizeof(seconds), 0) == static_cast<ssize_t>(sizeof(seconds));
  if (fd >= 0) ::close(fd);
  if (!written) throw std::runtime_error("can't write " + file);
}

}  // namespace dossier::test
