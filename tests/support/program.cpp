// fork, exec and wait for programs under test.
#include "tests/support/program.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tests/support/eventually.hpp"
#include "tests/support/loopback.hpp"

extern char** environ;

namespace dossier::test {
namespace {

// Everything that the child needs is made before fork: after it, only async-signal-safe calls are allowed.
std::vector<std::string> environment_of(const EnvironmentChanges& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changes.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : changes)
    if (!value.empty()) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

pid_t start(std::vector<std::string> argv, const EnvironmentChanges& changes, int out_fd, int err_fd) {
  auto environment = environment_of(changes);
  const auto arguments = pointers_to(argv);
  const auto variables = pointers_to(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
  const int null_fd = ::open("/dev/null", O_RDONLY);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(out_fd, STDOUT_FILENO);
  ::dup2(err_fd, STDERR_FILENO);
  ::execvpe(arguments[0], arguments.data(), variables.data());
  ::_exit(127);
}

int open_for_append(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("open " + path + ": " + std::strerror(errno));
  return fd;
}

}  // namespace

Program::Program(std::vector<std::string> argv, const EnvironmentChanges& environment, std::string log_file) : log_file_(std::move(log_file)) {
  const int fd = open_for_append(log_file_);
  pid_ = start(std::move(argv), environment, fd, fd);
  ::close(fd);
}

Program::~Program() {
  if (!stop(5'000)) kill();
}

bool Program::running() { return !wait(0).has_value(); }

void Program::signal(int number) const {
  if (!exit_) ::kill(pid_, number);
}

void Program::kill() {
  signal(SIGKILL);
  wait(10'000);
}

std::optional<int> Program::wait(std::int64_t deadline_ms) {
  eventually(deadline_ms, [this] {
    if (exit_) return true;
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno == ECHILD) exit_ = -1;
    return exit_.has_value();
  });
  return exit_;
}

std::optional<int> Program::stop(std::int64_t deadline_ms) {
  signal(SIGTERM);
  signal(SIGCONT);  // a frozen one must be able to end
  return wait(deadline_ms);
}

std::string Program::log() const { return read_whole_file(log_file_); }

CommandResult run_command(const std::vector<std::string>& argv, const EnvironmentChanges& environment, const std::string& scratch_folder,
                          std::int64_t deadline_ms) {
  static std::atomic<int> counter{0};
  const std::string base = scratch_folder + "/command-" + std::to_string(++counter);
  const int out_fd = open_for_append(base + ".out");
  const int err_fd = open_for_append(base + ".err");
  const pid_t pid = start(argv, environment, out_fd, err_fd);
  ::close(out_fd);
  ::close(err_fd);
  CommandResult result;
  const bool ended = eventually(deadline_ms, [&] {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) return false;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  });
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  result.out = read_whole_file(base + ".out");
  result.err = read_whole_file(base + ".err");
  return result;
}

std::string read_whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool serves(std::uint16_t port) {
  constexpr std::int64_t kStartDeadlineMs = 20'000;
  return eventually(kStartDeadlineMs, [&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    return connected;
  });
}

std::uint16_t free_port() {
  // Below the range that the kernel hands to outgoing connections, and each process starts elsewhere in it.
  static std::atomic<unsigned> next{static_cast<unsigned>(::getpid()) * 37};
  for (int tries = 0; tries < 2'000; ++tries) {
    const auto port = static_cast<std::uint16_t>(20'000 + next++ % 10'000);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace dossier::test
