// librdkafka makes its threads and locks by C11's <threads.h>, which the thread sanitizer does not know: its threads crash the
// sanitizer, and what its locks order looks like a race. In the trees with that sanitizer these functions, found before the C
// library's, are the POSIX ones that it knows; the C library's types are the same memory.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t) && sizeof(thrd_t) == sizeof(pthread_t));

struct Start {
  thrd_start_t run;
  void* argument;
};

void* run_start(void* given) {
  const std::unique_ptr<Start> start(static_cast<Start*>(given));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(start->run(start->argument)));
}

int outcome(int error) {
  switch (error) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case EBUSY: return thrd_busy;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
  }
}

pthread_mutex_t* posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run, void* argument) {
  auto start = std::make_unique<Start>(Start{run, argument});
  const int failed = pthread_create(thread, nullptr, run_start, start.get());
  if (failed == 0) (void)start.release();
  return outcome(failed);
}
int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int failed = pthread_join(thread, &returned);
  if (failed == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return outcome(failed);
}
int thrd_detach(thrd_t thread) { return outcome(pthread_detach(thread)); }

// A lock is made known to others by atomics that the sanitizer does not see: were its making seen, its use would look like a race.
[[gnu::no_sanitize("thread")]] int mtx_init(mtx_t* mutex, int type) noexcept {
  *posix(mutex) = (type & mtx_recursive) != 0 ? pthread_mutex_t PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP : pthread_mutex_t PTHREAD_MUTEX_INITIALIZER;
  return thrd_success;
}
void mtx_destroy(mtx_t*) noexcept {}
int mtx_lock(mtx_t* mutex) { return outcome(pthread_mutex_lock(posix(mutex))); }
int mtx_trylock(mtx_t* mutex) { return outcome(pthread_mutex_trylock(posix(mutex))); }
int mtx_timedlock(mtx_t* mutex, const timespec* until) { return outcome(pthread_mutex_timedlock(posix(mutex), until)); }
int mtx_unlock(mtx_t* mutex) noexcept { return outcome(pthread_mutex_unlock(posix(mutex))); }

[[gnu::no_sanitize("thread")]] int cnd_init(cnd_t* condition) noexcept {
  *posix(condition) = PTHREAD_COND_INITIALIZER;
  return thrd_success;
}
void cnd_destroy(cnd_t*) noexcept {}
int cnd_signal(cnd_t* condition) noexcept { return outcome(pthread_cond_signal(posix(condition))); }
int cnd_broadcast(cnd_t* condition) noexcept { return outcome(pthread_cond_broadcast(posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) { return outcome(pthread_cond_wait(posix(condition), posix(mutex))); }
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return outcome(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}

}  // extern "C"
