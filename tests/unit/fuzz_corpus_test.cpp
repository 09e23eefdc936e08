// Every file of the fuzzing corpora holds: the seeds, and whatever a fuzzer found once.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fuzz/targets.hpp"

namespace dossier::fuzz {
namespace {

class FuzzCorpus : public ::testing::TestWithParam<Target> {};

TEST_P(FuzzCorpus, every_file_holds) {
  const std::filesystem::path folder = std::filesystem::path(DOSSIER_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam().name;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    GetParam().run(bytes.str());
    ++files;
  }
  EXPECT_GT(files, 2u) << folder << " is to have seeds";
  GetParam().run("");
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, ::testing::ValuesIn(targets()), [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace dossier::fuzz
