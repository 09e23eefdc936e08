// Mounting a tmpfs, and a file that takes its room.
#include "tests/support/small_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace dossier::test {
namespace {

constexpr const char* kFiller = "/takes-all-room";

std::string mount_error(const std::string& folder, int megabytes) {
  const std::string size = "size=" + std::to_string(megabytes) + "m,mode=0711";
  if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) == 0) return {};
  return std::string("a file system can't be mounted here: ") + std::strerror(errno);
}

}  // namespace

std::string SmallDisk::why_not() {
  const TemporaryFolder folder("mount");
  auto error = mount_error(folder.path(), 1);
  if (error.empty()) ::umount(folder.path().c_str());
  return error;
}

SmallDisk::SmallDisk(std::string folder, int megabytes) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  if (const auto error = mount_error(folder_, megabytes); !error.empty()) throw std::runtime_error(error);
}

SmallDisk::~SmallDisk() {
  if (::umount(folder_.c_str()) != 0) ::umount2(folder_.c_str(), MNT_DETACH);  // somebody still looks at it
}

void SmallDisk::fill() {
  const int fd = ::open((folder_ + kFiller).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("open " + folder_ + kFiller + ": " + std::strerror(errno));
  std::vector<char> block(1u << 20);
  for (std::size_t size = block.size(); size > 0;) {  // in ever smaller pieces, to the last byte
    const auto written = ::write(fd, block.data(), size);
    if (written <= 0 || static_cast<std::size_t>(written) < size) size /= 2;
  }
  ::close(fd);
}

void SmallDisk::empty() { ::unlink((folder_ + kFiller).c_str()); }

}  // namespace dossier::test
