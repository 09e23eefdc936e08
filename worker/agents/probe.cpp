// One process, one loop.
#include "worker/agents/probe.hpp"

#include <chrono>
#include <filesystem>
#include <system_error>

#include "platform/crypto/crypto.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxProbeLine = 4u << 20;  // an answer may list every command that the program knows
constexpr std::size_t kReadAtOnce = 64 * 1024;

}  // namespace

ProbeHome::ProbeHome() : path_((fs::temp_directory_path() / ("dossier-probe-" + crypto::random_uuid_hex())).string()) {
  std::error_code failed;
  fs::create_directories(path_, failed);
}

ProbeHome::~ProbeHome() {
  std::error_code failed;
  fs::remove_all(path_, failed);
}

Result<bool> probe(const ProbeOptions& options, const ProbeTake& take) {
  process::SpawnOptions spawn;
  spawn.argv = options.argv;
  spawn.working_directory = options.directory;
  spawn.environment = options.environment;
  spawn.family = "probe-" + crypto::random_uuid_hex();
  spawn.pipe_stdin = !options.input.empty();
  TRY(process::Process program, process::Process::spawn(spawn));
  std::string input = options.input;
  bool taken = false;
  LineSplitter lines(kMaxProbeLine);
  const auto on_line = [&](std::string_view line) { taken = taken || take(line, input); };
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kProbeMs);
  while (!taken && std::chrono::steady_clock::now() < until) {
    if (!input.empty() && program.input_open()) {
      const auto written = program.write_input(input);
      if (!written) break;
      input.erase(0, *written);
    }
    const process::Ready ready = program.poll(1'000, nullptr, true, !input.empty());
    std::string bytes, errors;
    if (ready.error) program.read_error(errors, kReadAtOnce);
    const bool open = !ready.output || program.read_output(bytes, kReadAtOnce);
    lines.feed(bytes, on_line);
    if (!open) {
      lines.finish(on_line);
      break;
    }
  }
  return taken;
}

}  // namespace dossier::worker
