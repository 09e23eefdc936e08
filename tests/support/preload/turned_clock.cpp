// Loaded before a program's libraries (LD_PRELOAD), this turns its wall clock by the seconds in the file which
// DOSSIER_TURNED_CLOCK names, at once and while it runs. Monotonic clocks and every wait stay as they are: a wait that was
// computed from a turned clock would be the tool's fault and not the program's.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile std::int64_t* turned_by_s() {
  static const volatile std::int64_t* const mapped = []() -> const volatile std::int64_t* {
    static const std::int64_t kNone = 0;
    const char* path = std::getenv("DOSSIER_TURNED_CLOCK");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return &kNone;
    void* memory = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return memory == MAP_FAILED ? &kNone : static_cast<const std::int64_t*>(memory);
  }
  ();
  return mapped;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* out) noexcept {
  const long done = ::syscall(SYS_clock_gettime, id, out);
  if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += *turned_by_s();
  return static_cast<int>(done);
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = {now.tv_sec, now.tv_nsec / 1'000};
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
