// CHECK: a broken invariant of ours ends the process, with the place and the expression; never used on input.
#pragma once

namespace dossier {
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;
}

#define CHECK(expression)                                       \
  do {                                                          \
    if (!(expression)) [[unlikely]]                             \
      ::dossier::check_failed(#expression, __FILE__, __LINE__); \
  } while (false)
