// Probes what this machine can run, so that only what was seen is advertised.
#include "worker/capabilities.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "platform/process/process.hpp"
#include "worker/agents/agent.hpp"
#include "worker/agents/codex_agent.hpp"

namespace dossier::worker {
namespace {

constexpr auto kProbeTime = std::chrono::seconds(20);  // a cold start of a large program on a busy machine
constexpr std::size_t kMaxProbeOutput = 4'096;

// The first line that a program prints within kProbeTime and exits with 0.
std::optional<std::string> first_line_of(std::vector<std::string> argv) {
  process::SpawnOptions options;
  options.argv = std::move(argv);
  options.environment = agent_environment(std::nullopt);
  options.pipe_stdin = false;
  auto program = process::Process::spawn(options);
  if (!program) return std::nullopt;
  std::string output, errors;
  const auto until = std::chrono::steady_clock::now() + kProbeTime;
  while (std::chrono::steady_clock::now() < until) {
    const process::Ready ready = program->poll(1'000);
    if (ready.output && output.size() < kMaxProbeOutput) program->read_output(output, kMaxProbeOutput);
    if (ready.error && errors.size() < kMaxProbeOutput) program->read_error(errors, kMaxProbeOutput);
    if (const auto exit = program->try_wait(); exit && !program->output_open()) {
      if (exit->code != 0) return std::nullopt;
      return output.substr(0, output.find('\n'));
    }
    if (ready.exited && !ready.output) {
      program->read_output(output, kMaxProbeOutput);
    }
  }
  return std::nullopt;
}

void set(json::Value::Object& members, const std::string& name, json::Value value) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first == name; });
  if (found != members.end())
    found->second = std::move(value);
  else
    members.emplace_back(name, std::move(value));
}

}  // namespace

Result<json::Value> probe_capabilities(const std::string& overlay) {
  json::Value::Object members{{"command", true}};
  std::vector<std::string> codex{codex_argv({}).front(), "--version"};
  if (const auto version = first_line_of(std::move(codex))) {
    members.emplace_back("codex", true);
    // "codex-cli 0.169.0"
    const std::size_t space = version->rfind(' ');
    members.emplace_back("codex_version", space == std::string::npos ? *version : version->substr(space + 1));
  }
  utsname system{};
  if (::uname(&system) == 0) {
    members.emplace_back("os", "linux");
    members.emplace_back("arch", std::string(system.machine));
  }
  if (!overlay.empty()) {
    const auto more = json::parse(overlay);
    if (!more || more->object() == nullptr) return make_error(Code::usage, "--capabilities must be a JSON object, like {\"gpu\":true}");
    for (const auto& [name, value] : *more->object()) {
      if (value.string() == nullptr && value.boolean() == nullptr && value.integer() == nullptr)
        return make_error(Code::usage, "--capabilities: " + name + " must be a string, an integer, true or false");
      set(members, name, value);
    }
  }
  return json::Value(std::move(members));
}

Result<std::string> with_labels(const std::string& overlay, const std::string& labels) {
  if (labels.empty()) return overlay;
  json::Value::Object members;
  if (!overlay.empty()) {
    const auto given = json::parse(overlay);
    if (!given || given->object() == nullptr) return make_error(Code::usage, "--capabilities must be a JSON object, like {\"gpu\":true}");
    members = *given->object();
  }
  for (std::size_t at = 0; at <= labels.size();) {
    const std::size_t end = std::min(labels.find(',', at), labels.size());
    const std::string label = labels.substr(at, end - at);
    const std::size_t sign = label.find('=');
    if (sign == 0 || sign == std::string::npos || sign + 1 == label.size())
      return make_error(Code::usage, "--labels must be like site=cellar,disk=ssd; \"" + label + "\" is no name=value");
    set(members, label.substr(0, sign), label.substr(sign + 1));
    at = end + 1;
  }
  return json::write(json::Value(std::move(members)));
}

std::vector<std::string> providers_of(const json::Value& capabilities) {
  std::vector<std::string> providers;
  for (const char* name : {"command", "codex"}) {
    const json::Value* value = capabilities.find(name);
    if (value != nullptr && value->boolean() != nullptr && *value->boolean()) providers.emplace_back(name);
  }
  return providers;
}

}  // namespace dossier::worker
