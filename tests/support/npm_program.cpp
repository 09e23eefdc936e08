// One folder, one lock, one installation at a time.
#include "tests/support/npm_program.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kInstallDeadlineMs = 300'000;
// What npm says when the network, and nothing else, is at fault.
constexpr std::array<std::string_view, 7> kUnreachable{"ENOTFOUND", "EAI_AGAIN",   "ECONNREFUSED", "ECONNRESET",
                                                       "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH"};

// Several test programs may want it at once.
class Lock {
 public:
  explicit Lock(const std::string& file) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0) throw std::runtime_error("can't lock " + file);
  }
  ~Lock() { ::close(fd_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int fd_;
};

}  // namespace

NpmProgram find_npm_program(std::string_view package, std::string_view name) {
  const char* named = std::getenv("DOSSIER_NPM_DIR");
  const std::string wanted(package.substr(package.rfind('@') + 1));
  // A folder for each version: several are driven side by side.
  const std::string folder = (named != nullptr ? named : std::string(DOSSIER_BINARY_DIR) + "/npm") + "/" + std::string(name) + "-" + wanted;
  const std::string program = folder + "/node_modules/.bin/" + std::string(name);
  std::filesystem::create_directories(folder);
  const Lock lock(folder + "/.lock");
  TemporaryFolder scratch("npm");
  const auto version = run_command({program, "--version"}, {}, scratch.path());
  if (version.exit_code == 0 && version.out.find(wanted) != std::string::npos) return {program, {}};
  const auto installed = run_command({"npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", folder, "--fetch-retries=2",
                                      "--fetch-timeout=60000", std::string(package)},
                                     {}, scratch.path(), kInstallDeadlineMs);
  if (installed.exit_code == 0) return {program, {}};
  for (const auto sign : kUnreachable)
    if (installed.err.find(sign) != std::string::npos)
      return {{}, "npm can't be reached (" + std::string(sign) + "), and " + std::string(package) + " is not in " + folder};
  throw std::runtime_error("npm install " + std::string(package) + " failed:\n" + installed.err);
}

}  // namespace dossier::test
