// vfork and exec in a program with threads: everything is allocated before it, and the child makes only calls that are safe after it.
// It has the parent's memory until it execs, so a spawn costs the same whatever the parent's size (a copy of the page tables, and
// the faults after it, were a tenth of a busy worker); the parent's thread waits meanwhile. A child that becomes another account gets a
// copy, by fork: nothing runs as that account in this process's memory. A failure before exec comes back through a pipe that closes on exec.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "platform/process/family.hpp"
#include "platform/process/process.hpp"

namespace dossier::process {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;
  ~Pipe() {
    if (read >= 0) ::close(read);
    if (write >= 0) ::close(write);
  }
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  static int take(int& end) { return std::exchange(end, -1); }
};

enum class Step : int { group, session, descriptors, account, directory, exec };

struct Failure {
  Step step;
  int error;
};

struct Prepared {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* directory;
  const Account* account;
  int input, output, error, report;
  int group;  // entry of the control group, or -1
  pid_t parent;
};

[[noreturn]] void fail(int report, Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const ssize_t written = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

// In the child, between vfork and exec: writes to no memory but its own stack frames and errno, hence never inlined. Signals are blocked
// until no handler of the parent's can run here.
[[noreturn, gnu::noinline]] void run_child(const Prepared& p) {
  if (p.group >= 0 && ::write(p.group, "0", 1) != 1) fail(p.report, Step::group);
  if (::setsid() < 0) fail(p.report, Step::session);
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(p.input, 0) < 0 || ::dup2(p.output, 1) < 0 || ::dup2(p.error, 2) < 0) fail(p.report, Step::descriptors);
  // The account first, so that the directory is entered with its rights.
  if (p.account != nullptr) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(p.account->gid) != 0 || ::setuid(p.account->uid) != 0) fail(p.report, Step::account);
  }
  // After setuid, which would clear it. A parent that died meanwhile is noticed by its pid.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != p.parent) ::_exit(127);
  ::umask(022);
  if (p.directory != nullptr && ::chdir(p.directory) != 0) fail(p.report, Step::directory);
  // Every other descriptor closes on exec, also those which a library opened without O_CLOEXEC.
  ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  ::execve(p.program, p.argv, p.environment);
  fail(p.report, Step::exec);
}

bool is_program(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0;
}

// "" where there is none.
std::string find_program(const std::string& name, const Environment& environment, const std::string& directory) {
  if (name.find('/') != std::string::npos) {
    const std::string path = name.front() == '/' || directory.empty() ? name : directory + "/" + name;
    return is_program(path) ? path : "";
  }
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const auto& [key, value] : environment)
    if (key == "PATH") path = value;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::string candidate = std::string(path.substr(0, end)) + "/" + name;
    if (end > 0 && is_program(candidate)) return candidate;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return "";
}

Error describe(const Failure& failure, const SpawnOptions& options) {
  const std::string why = std::strerror(failure.error);
  const Code code = failure.error == ENOENT || failure.error == ENOTDIR ? Code::not_found : Code::io;
  switch (failure.step) {
    case Step::directory: return make_error(code, "can't enter the directory " + options.working_directory + ": " + why);
    case Step::exec: return make_error(code, "can't run " + options.argv.front() + ": " + why);
    case Step::account: return make_error(code, "can't become the account " + options.account->name + ": " + why);
    case Step::group:
    case Step::session:
    case Step::descriptors: break;
  }
  return make_error(code, "can't start " + options.argv.front() + ": " + why);
}

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

Result<Process> Process::spawn(const SpawnOptions& options) { return spawn(options, true); }

Result<Process> Process::spawn(const SpawnOptions& options, bool in_group) {
  if (options.argv.empty() || options.argv.front().empty()) return make_error(Code::invalid_field, "the command is empty", "command");
  for (const auto& word : options.argv)
    if (word.find('\0') != std::string::npos) return make_error(Code::invalid_field, "a word of the command holds a NUL", "command");
  const std::string program = find_program(options.argv.front(), options.environment, options.working_directory);
  if (program.empty()) return make_error(Code::not_found, "there is no program \"" + options.argv.front() + "\"; install it, or give its full path");

  std::vector<std::string> variables;
  for (const auto& [name, value] : options.environment) variables.emplace_back(name).append("=").append(value);
  if (!options.family.empty()) variables.push_back(std::string(kFamilyVariable) + "=" + options.family);
  std::vector<char*> environment, argv;
  for (auto& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::vector<std::string> words = options.argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  Pipe input, output, error, report;
  if (!options.pipe_stdin) input.read = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (options.pipe_stdin ? !input.open() : input.read < 0) return make_error(Code::io, std::string("can't open a pipe: ") + std::strerror(errno));
  if (!output.open() || !error.open() || !report.open()) return make_error(Code::io, std::string("can't open a pipe: ") + std::strerror(errno));

  Cgroup group = in_group ? Cgroup::make(options.family) : Cgroup();
  const Prepared prepared{program.c_str(),
                          argv.data(),
                          environment.data(),
                          options.working_directory.empty() ? nullptr : options.working_directory.c_str(),
                          options.account ? &*options.account : nullptr,
                          input.read,
                          output.write,
                          error.write,
                          report.write,
                          group.entry(),
                          ::getpid()};
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  OwnedPids::begin_spawn();
  // NOLINTBEGIN(bugprone-unsafe-functions,clang-analyzer-*): run_child does not return
  const pid_t pid = options.account ? ::fork() : ::vfork();
  if (pid == 0) run_child(prepared);
  // NOLINTEND(bugprone-unsafe-functions,clang-analyzer-*)
  const int fork_error = errno;
  OwnedPids::end_spawn(pid);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return make_error(Code::io, std::string("can't fork: ") + std::strerror(fork_error));

  ::close(Pipe::take(report.write));
  Failure failure{};
  ssize_t got = 0;
  do got = ::read(report.read, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure)) {
    ::waitpid(pid, nullptr, 0);
    OwnedPids::remove(pid);
    if (failure.step == Step::group) return spawn(options, false);
    return describe(failure, options);
  }
  Process process;
  process.pid_ = pid;
  process.pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  process.family_ = options.family;
  process.group_ = std::move(group);
  process.output_ = Pipe::take(output.read);
  process.error_ = Pipe::take(error.read);
  set_nonblocking(process.output_);
  set_nonblocking(process.error_);
  if (options.pipe_stdin) {
    process.input_ = Pipe::take(input.write);
    set_nonblocking(process.input_);
  }
  if (process.pidfd_ < 0) return make_error(Code::io, "this kernel has no pidfd_open; Linux 5.3 or newer is needed");
  return process;
}

}  // namespace dossier::process
