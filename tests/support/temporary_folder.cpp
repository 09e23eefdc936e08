// Makes and removes a test's folder.
#include "tests/support/temporary_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace dossier::test {

TemporaryFolder::TemporaryFolder(const std::string& name) {
  std::string path = (std::filesystem::temp_directory_path() / ("dossier-" + name + "-XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("can't make " + path);
  ::chmod(path.c_str(), 0711);  // agents and Postgres may run as other accounts, when the tests run as root
  path_ = path;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace dossier::test
