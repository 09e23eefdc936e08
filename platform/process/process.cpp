// Poll, read, write, wait and kill for a spawned child.
#include "platform/process/process.hpp"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "platform/process/family.hpp"

namespace dossier::process {
namespace {

void close_fd(int& fd) noexcept {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

}  // namespace

Result<Account> find_account(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16384, '\0');
  const int failed = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (failed != 0 || found == nullptr)
    return make_error(Code::not_found, "there is no account \"" + name + "\" on this machine; create it or name another one");
  return Account{name, entry.pw_uid, entry.pw_gid, entry.pw_dir};
}

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(fd_ >= 0); }
Wakeup::~Wakeup() { ::close(fd_); }
void Wakeup::notify() noexcept {
  const std::uint64_t one = 1;
  // A full counter is as good a wake-up as a grown one.
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
}
void Wakeup::drain() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
}
bool Wakeup::wait(std::int64_t wait_ms) noexcept {
  pollfd item{fd_, POLLIN, 0};
  if (::poll(&item, 1, static_cast<int>(std::clamp<std::int64_t>(wait_ms, 0, 60'000))) <= 0) return false;
  drain();
  return true;
}

Process::~Process() {
  if (pid_ > 0) kill_family();
  close_all();
}

Process::Process(Process&& other) noexcept { *this = std::move(other); }

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  if (pid_ > 0) kill_family();
  close_all();
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::exchange(other.pidfd_, -1);
  input_ = std::exchange(other.input_, -1);
  output_ = std::exchange(other.output_, -1);
  error_ = std::exchange(other.error_, -1);
  family_ = std::move(other.family_);
  group_ = std::move(other.group_);
  exit_ = std::exchange(other.exit_, std::nullopt);
  return *this;
}

void Process::close_all() noexcept {
  close_fd(pidfd_);
  close_fd(input_);
  close_fd(output_);
  close_fd(error_);
}

Ready Process::poll(std::int64_t wait_ms, Wakeup* wakeup, bool want_output, bool want_input) {
  pollfd fds[5];
  int count = 0;
  const auto add = [&](int fd, short events) {
    fds[count] = {fd, events, 0};
    return count++;
  };
  const int output = want_output && output_ >= 0 ? add(output_, POLLIN) : -1;
  const int error = want_output && error_ >= 0 ? add(error_, POLLIN) : -1;
  const int input = want_input && input_ >= 0 ? add(input_, POLLOUT) : -1;
  const int exited = !exit_ && pidfd_ >= 0 ? add(pidfd_, POLLIN) : -1;
  const int woken = wakeup != nullptr ? add(wakeup->fd(), POLLIN) : -1;
  const auto bounded = static_cast<int>(std::clamp<std::int64_t>(wait_ms, 0, 60'000));
  Ready ready;
  // EINTR counts as "nothing yet": the caller's loop asks again and keeps its own deadline.
  if (::poll(fds, static_cast<nfds_t>(count), bounded) <= 0) return ready;
  const auto is_set = [&](int index) { return index >= 0 && fds[index].revents != 0; };
  ready.output = is_set(output);
  ready.error = is_set(error);
  ready.input = is_set(input);
  ready.exited = is_set(exited);
  ready.woken = is_set(woken);
  if (ready.woken) wakeup->drain();
  return ready;
}

bool Process::read_pipe(int& fd, std::string& into, std::size_t max_bytes) {
  if (fd < 0) return false;
  const std::size_t before = into.size();
  into.resize(before + max_bytes);
  const ssize_t got = ::read(fd, into.data() + before, max_bytes);
  into.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got > 0) return true;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  close_fd(fd);
  return false;
}

Result<std::size_t> Process::write_input(std::string_view bytes) {
  if (input_ < 0) return make_error(Code::io, "the program's standard input is closed");
  // SIGPIPE is blocked for this thread while it writes, then taken off the queue: a library must not change the
  // disposition of the whole process.
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(input_, bytes.data(), bytes.size());
  const int failure = written < 0 ? errno : 0;
  if (failure == EPIPE) {
    const timespec now{0, 0};
    ::sigtimedwait(&pipe_signal, nullptr, &now);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (written >= 0) return static_cast<std::size_t>(written);
  if (failure == EAGAIN || failure == EINTR) return std::size_t{0};
  close_fd(input_);
  return make_error(Code::io, std::string("the program closed its standard input: ") + std::strerror(failure));
}

void Process::close_input() { close_fd(input_); }

// Looks without reaping: the zombie keeps its pid from being given to a stranger until kill_family() is done with it.
std::optional<Exit> Process::try_wait() {
  if (exit_ || pid_ <= 0) return exit_;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid_) return std::nullopt;
  const bool normal = info.si_code == CLD_EXITED;
  exit_ = Exit{normal ? info.si_status : -1, normal ? 0 : info.si_status};
  return exit_;
}

void Process::signal_group(int signal) noexcept {
  if (pid_ > 0) ::kill(-pid_, signal);
}

bool Process::kill_family() {
  if (pid_ <= 0) return true;
  bool gone = false;
  for (int round = 0; round < kKillRounds && !gone; ++round) {
    group_.kill();
    ::kill(-pid_, SIGKILL);
    const Family family = family_members(pid_, family_);
    for (const pid_t member : family.members) ::kill(member, SIGKILL);
    try_wait();
    gone = family.is_gone() && group_.is_empty() && exit_.has_value();
    if (!gone) {
      const timespec pause{0, (round < 10 ? 1 : 10) * 1'000'000L};
      ::nanosleep(&pause, nullptr);
    }
  }
  if (gone) {
    ::waitpid(pid_, nullptr, 0);  // it has exited: this does not wait
    OwnedPids::remove(std::exchange(pid_, -1));
    group_.remove();
  }
  reap_orphans();
  return gone;
}

}  // namespace dossier::process
