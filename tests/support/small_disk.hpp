// A file system of a few megabytes on a folder, in memory, which a test can fill to the last byte. Mounting needs root.
#pragma once

#include <string>

namespace dossier::test {

class SmallDisk {
 public:
  // Empty: file systems may be mounted here. Otherwise why not, for GTEST_SKIP.
  static std::string why_not();

  // Mounts on `folder`, which is made if it is not there. Throws std::runtime_error if that fails.
  SmallDisk(std::string folder, int megabytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // Takes all that is left, again and again if something was freed since.
  void fill();
  // Gives it back.
  void empty();

 private:
  std::string folder_;
};

}  // namespace dossier::test
