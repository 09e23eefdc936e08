// Probes what this machine can run, so that only what was seen is advertised.
#include "worker/capabilities.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <future>
#include <string_view>

#include "base/log.hpp"
#include "worker/agents/claude_probe.hpp"
#include "worker/agents/codex_probe.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

using json::Value;

constexpr std::array<std::string_view, 3> kProviders{"command", "codex", "claude"};
constexpr std::size_t kMaxReason = 200;  // bytes of a capability, as the server takes it

Value* find(Value::Object& members, std::string_view name) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first == name; });
  return found == members.end() ? nullptr : &found->second;
}

void set(Value::Object& members, const std::string& name, Value value) {
  if (Value* found = find(members, name); found != nullptr)
    *found = std::move(value);
  else
    members.emplace_back(name, std::move(value));
}

bool is_false(const Value* value) { return value != nullptr && value->boolean() != nullptr && !*value->boolean(); }

// "codex" of "codex" and "codex.version"; empty where the name is of none.
std::string_view provider_of(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find('.'));
  return std::find(kProviders.begin(), kProviders.end(), stem) == kProviders.end() ? std::string_view() : stem;
}

void refuse(Value::Object& members, const std::string& provider, const Error& error) {
  if (error.code == Code::not_found) return;  // it is not installed: nothing to say
  log::warn("worker", "not offered: " + provider + ": " + error.message);
  members.emplace_back(provider, false);
  members.emplace_back(provider + ".reason", clean_text(error.message, kMaxReason));
}

void add_codex(Value::Object& members, const Result<CodexProbe>& seen) {
  if (!seen) return refuse(members, "codex", seen.error());
  members.emplace_back("codex", true);
  members.emplace_back("codex.version", seen->version);
  if (seen->approvals) members.emplace_back("codex.approvals", true);
}

void add_claude(Value::Object& members, const Result<ClaudeProbe>& seen) {
  if (!seen) return refuse(members, "claude", seen.error());
  members.emplace_back("claude", true);
  members.emplace_back("claude.version", seen->version);
  members.emplace_back("claude.approvals", true);  // the probe's handshake is in the mode that asks for them
}

// Of a provider the overlay may take away, and not add.
Status lay_over(Value::Object& members, const Value::Object& overlay) {
  for (const auto& [name, value] : overlay) {
    if (value.string() == nullptr && value.boolean() == nullptr && value.integer() == nullptr)
      return make_error(Code::usage, "--capabilities: " + name + " must be a string, an integer, true or false");
    const Value* present = find(members, name);
    const bool seen = present != nullptr && json::write(*present) == json::write(value);
    if (!provider_of(name).empty() && !seen && !is_false(&value)) {
      const Value* reason = find(members, std::string(provider_of(name)) + ".reason");
      return make_error(Code::usage, "--capabilities: " + name + " was not seen on this machine" +
                                         (reason == nullptr ? std::string() : " (" + *reason->string() + ")") + "; leave it out, or give false");
    }
    set(members, name, value);
  }
  // Without its provider the rest says nothing.
  for (const auto provider : kProviders) {
    if (!is_false(find(members, provider))) continue;
    const std::string prefix = std::string(provider) + ".";
    members.erase(
        std::remove_if(members.begin(), members.end(),
                       [&](const auto& member) { return member.first.compare(0, prefix.size(), prefix) == 0 && member.first != prefix + "reason"; }),
        members.end());
  }
  return {};
}

}  // namespace

Result<json::Value> probe_capabilities(const std::string& overlay) {
  Value::Object over;
  if (!overlay.empty()) {
    const auto more = json::parse(overlay);
    if (!more || more->object() == nullptr) return make_error(Code::usage, "--capabilities must be a JSON object, like {\"gpu\":true}");
    over = *more->object();
  }
  // Each starts large programs twice: at once, not one after the other.
  std::future<Result<CodexProbe>> codex;
  std::future<Result<ClaudeProbe>> claude;
  if (!is_false(find(over, "codex"))) codex = std::async(std::launch::async, [] { return probe_codex(); });
  if (!is_false(find(over, "claude"))) claude = std::async(std::launch::async, [] { return probe_claude(); });
  Value::Object members{{"command", true}};
  if (codex.valid()) add_codex(members, codex.get());
  if (claude.valid()) add_claude(members, claude.get());
  utsname system{};
  if (::uname(&system) == 0) {
    members.emplace_back("os", "linux");
    members.emplace_back("arch", std::string(system.machine));
  }
  TRY_STATUS(lay_over(members, over));
  return Value(std::move(members));
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
  for (const auto name : kProviders) {
    const Value* value = capabilities.find(name);
    if (value != nullptr && value->boolean() != nullptr && *value->boolean()) providers.emplace_back(name);
  }
  return providers;
}

}  // namespace dossier::worker
