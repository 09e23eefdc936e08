// Two short-lived processes.
#include "worker/agents/claude_probe.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "worker/agents/claude_agent.hpp"
#include "worker/agents/claude_frames.hpp"
#include "worker/agents/probe.hpp"

namespace dossier::worker {
namespace {

// Lines of its output until `take` wants no more (true), its end, or the time is over (false).
Result<bool> ask(std::vector<std::string> argv, const std::string& home, std::string input, const std::function<bool(std::string_view)>& take) {
  ProbeOptions options;
  options.argv = std::move(argv);
  options.directory = home;
  options.environment = agent_environment(std::nullopt);
  for (auto& item : claude_environment(home)) options.environment.push_back(std::move(item));
  options.input = std::move(input);
  return probe(options, [&](std::string_view line, std::string&) { return take(line); });
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
  ClaudeProbe seen;
  // "2.1.197 (Claude Code)"
  TRY(const bool has_version, ask(std::move(version_argv), home.path(), "", [&](std::string_view line) {
        seen.version = line.substr(0, line.find(' '));
        return !seen.version.empty() && seen.version.find_first_not_of("0123456789.") == std::string::npos;
      }));
  if (!has_version) return make_error(Code::io, argv.front() + " --version does not say a version");
  if (compare_versions(seen.version, kLeastClaudeVersion) < 0)
    return make_error(Code::io, argv.front() + " is version " + seen.version + "; at least " + kLeastClaudeVersion + " is needed: update it");
  constexpr std::string_view kAsked = "probe";
  TRY(const bool answers, ask(argv, home.path(), claude::request_line(kAsked, "initialize", {{"hooks", json::Value()}}), [&](std::string_view line) {
        const auto frame = claude::read_frame(line);
        return frame && frame->kind == claude::Frame::Kind::control_response && frame->request_id == kAsked &&
               claude::answer_of(*frame).error.empty();
      }));
  if (!answers) return make_error(Code::io, argv.front() + " does not answer in the mode that asks for approvals");
  return seen;
}

}  // namespace dossier::worker
