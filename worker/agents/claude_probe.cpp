// Two short-lived processes.
#include "worker/agents/claude_probe.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <system_error>

#include "platform/crypto/crypto.hpp"
#include "worker/agents/claude_agent.hpp"
#include "worker/agents/claude_frames.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr auto kProbeTime = std::chrono::seconds(20);  // a cold start of a large program on a busy machine
constexpr std::size_t kMaxProbeLine = 4u << 20;        // its answer lists every command that it knows
constexpr std::size_t kReadAtOnce = 64 * 1024;

// Its configuration for the probe alone, removed afterwards.
class ProbeHome {
 public:
  ProbeHome() : path_((fs::temp_directory_path() / ("dossier-probe-" + crypto::random_uuid_hex())).string()) {
    std::error_code failed;
    fs::create_directories(path_, failed);
  }
  ~ProbeHome() {
    std::error_code failed;
    fs::remove_all(path_, failed);
  }
  ProbeHome(const ProbeHome&) = delete;
  ProbeHome& operator=(const ProbeHome&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// Lines of its output until `take` wants no more (true), its end, or the time is over (false).
Result<bool> ask(std::vector<std::string> argv, const std::string& home, std::string input, const std::function<bool(std::string_view)>& take) {
  process::SpawnOptions options;
  options.argv = std::move(argv);
  options.working_directory = home;
  options.environment = agent_environment(std::nullopt);
  for (auto& item : claude_environment(home)) options.environment.push_back(std::move(item));
  options.family = "probe-" + crypto::random_uuid_hex();
  options.pipe_stdin = !input.empty();
  TRY(process::Process program, process::Process::spawn(options));
  bool taken = false;
  LineSplitter lines(kMaxProbeLine);
  const auto on_line = [&](std::string_view line) { taken = taken || take(line); };
  const auto until = std::chrono::steady_clock::now() + kProbeTime;
  while (!taken && std::chrono::steady_clock::now() < until) {
    const process::Ready ready = program.poll(1'000, nullptr, true, !input.empty());
    if (!input.empty() && program.input_open()) {
      const auto written = program.write_input(input);
      if (!written) break;
      input.erase(0, *written);
    }
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

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  const auto next = [](std::string_view& text) {
    int number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
    return number;
  };
  while (!a.empty() || !b.empty())
    if (const int difference = next(a) - next(b); difference != 0) return difference;
  return 0;
}

Result<ClaudeProbe> probe_claude(const std::vector<std::string>& command) {
  const ProbeHome home;
  AgentRequest request;
  request.command = command;
  request.approvals = ApprovalMode::on_request;
  const std::vector<std::string> argv = claude_argv(request);
  std::vector<std::string> version_argv(argv.begin(), argv.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, command.size())));
  version_argv.emplace_back("--version");
  ClaudeProbe probe;
  // "2.1.197 (Claude Code)"
  TRY(const bool has_version, ask(std::move(version_argv), home.path(), "", [&](std::string_view line) {
        probe.version = line.substr(0, line.find(' '));
        return !probe.version.empty() && probe.version.find_first_not_of("0123456789.") == std::string::npos;
      }));
  if (!has_version) return make_error(Code::io, argv.front() + " --version does not say a version");
  if (compare_versions(probe.version, kLeastClaudeVersion) < 0)
    return make_error(Code::io, argv.front() + " is version " + probe.version + "; at least " + kLeastClaudeVersion + " is needed: update it");
  constexpr std::string_view kAsked = "probe";
  TRY(const bool answers, ask(argv, home.path(), claude::request_line(kAsked, "initialize", {{"hooks", json::Value()}}), [&](std::string_view line) {
        const auto frame = claude::read_frame(line);
        return frame && frame->kind == claude::Frame::Kind::control_response && frame->request_id == kAsked &&
               claude::answer_of(*frame).error.empty();
      }));
  if (!answers) return make_error(Code::io, argv.front() + " does not answer in the mode that asks for approvals");
  return probe;
}

}  // namespace dossier::worker
