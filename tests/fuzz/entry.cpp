// The entry point that libFuzzer calls: DOSSIER_FUZZ_TARGET is the target's function.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dossier::fuzz::DOSSIER_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
