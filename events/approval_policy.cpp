// Policies: which rule decides a request.
#include "events/approval_policy.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "events/approval.hpp"
#include "events/shell_line.hpp"

namespace dossier::events {
namespace {

using Rule = v1::ApprovalRule;

enum class Fit { no, unknown, yes };

Fit both(Fit a, Fit b) { return std::min(a, b); }
Fit either(Fit a, Fit b) { return std::max(a, b); }

// ---- commands

// Programs that run what their arguments or input say.
constexpr std::array<std::string_view, 19> kLaunchers = {"sudo",     "doas",    "su",      "env",  "xargs",  "nohup",  "timeout",
                                                         "nice",     "exec",    "command", "find", "watch",  "stdbuf", "time",
                                                         "parallel", "builtin", "setsid",  "ssh",  "busybox"};
constexpr std::array<std::string_view, 8> kInterpreters = {"sh", "bash", "dash", "zsh", "ksh", "eval", "source", "."};

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_assignment(const ShellWord& word) {
  const std::size_t equals = word.text.find('=');
  return equals != std::string::npos && equals > 0 && word.text.find_first_of(" \t/") > equals;
}

bool begins_with(const ShellCommand& command, const Rule& rule) {
  if (command.size() < static_cast<std::size_t>(rule.command_prefix_size())) return false;
  for (int i = 0; i < rule.command_prefix_size(); ++i) {
    const ShellWord& word = command[static_cast<std::size_t>(i)];
    if (!word.literal || word.text != rule.command_prefix(i)) return false;
  }
  return true;
}

// As a rule that stops things sees it: by the program's name wherever it lies, through assignments, and with doubt where
// options stand between the words or another program runs it.
Fit may_begin_with(const ShellCommand& whole, const Rule& rule) {
  const auto first = std::find_if_not(whole.begin(), whole.end(), is_assignment);
  if (first == whole.end()) return Fit::no;
  const std::string_view program = base_name(first->text);
  const std::string_view wanted = base_name(rule.command_prefix(0));
  if (!first->literal || is_among(kInterpreters, program)) return Fit::unknown;
  const auto names_it = [&](const ShellWord& word) { return !word.literal || base_name(word.text) == wanted; };
  if (program != wanted) return is_among(kLaunchers, program) && std::any_of(first + 1, whole.end(), names_it) ? Fit::unknown : Fit::no;
  auto at = first + 1;
  Fit fit = Fit::yes;
  for (int i = 1; i < rule.command_prefix_size(); ++i) {
    const auto found = std::find_if(at, whole.end(), [&](const ShellWord& word) { return !word.literal || word.text == rule.command_prefix(i); });
    if (found == whole.end()) return Fit::no;
    if (found != at || !found->literal) fit = Fit::unknown;
    at = found + 1;
  }
  return fit;
}

Fit command_fit(const Rule& rule, const v1::ApprovalRequested& request, const ShellLine& line) {
  if (rule.command_prefix().empty()) return Fit::yes;
  if (request.kind() != "command") return Fit::no;
  if (rule.effect() == Rule::ALLOW) {
    const auto begins = [&](const ShellCommand& command) { return begins_with(command, rule); };
    return line.understood && !line.commands.empty() && std::all_of(line.commands.begin(), line.commands.end(), begins) ? Fit::yes : Fit::no;
  }
  Fit fit = line.understood ? Fit::no : Fit::unknown;
  for (const ShellCommand& command : line.commands) fit = either(fit, may_begin_with(command, rule));
  return fit;
}

// ---- paths

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    parts.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool part_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

// The path in the form that the rule's glob speaks of: absolute, or relative to where the agent works. nullopt: it can't be
// said where it leads. Empty: not below the agent's folder.
std::optional<std::string> seen_by(const Rule& rule, std::string_view path, std::string_view cwd) {
  if (path.empty() || path.size() > kMaxJudgedPathBytes) return std::nullopt;
  while (cwd.size() > 1 && cwd.back() == '/') cwd.remove_suffix(1);
  const bool wants_absolute = rule.path().front() == '/';
  std::string whole(path);
  if (path.front() != '/') {
    if (wants_absolute && cwd.empty()) return std::nullopt;
    if (wants_absolute) whole = std::string(cwd) + "/" + std::string(path);
  } else if (!wants_absolute) {
    const std::string below = std::string(cwd) + (cwd == "/" ? "" : "/");
    if (cwd.empty()) return std::nullopt;
    if (path.substr(0, below.size()) != below) {
      for (const auto part : parts_of(path))
        if (part == "..") return std::nullopt;
      return std::string();
    }
    whole = std::string(path.substr(below.size()));
  }
  std::string plain;
  if (whole.front() == '/') plain = "/";
  for (const auto part : parts_of(whole)) {
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (!plain.empty() && plain.back() != '/') plain += '/';
    plain += part;
  }
  return plain;
}

Fit path_fit(const Rule& rule, const v1::ApprovalRequested& request) {
  if (rule.path().empty()) return Fit::yes;
  if (request.paths().empty()) return request.kind() == "file_change" ? Fit::unknown : Fit::no;
  if (request.paths_size() > kMaxJudgedPaths) return Fit::unknown;
  Fit all = Fit::yes, any = Fit::no;
  for (const std::string& path : request.paths()) {
    const auto seen = seen_by(rule, path, request.cwd());
    const Fit fit = !seen.has_value() ? Fit::unknown : !seen->empty() && glob_matches(rule.path(), *seen) ? Fit::yes : Fit::no;
    all = both(all, fit);
    any = either(any, fit);
  }
  return rule.effect() == Rule::ALLOW ? all : any;
}

// ---- rules

Fit trust_fit(const Rule& rule, bool trusted) {
  if (rule.project() == Rule::TRUSTED) return trusted ? Fit::yes : Fit::no;
  if (rule.project() == Rule::NOT_TRUSTED) return trusted ? Fit::no : Fit::yes;
  return Fit::yes;
}

Fit rule_fit(const Rule& rule, const v1::ApprovalRequested& request, const ShellLine& line, bool trusted) {
  const Fit kind = rule.kind().empty() || rule.kind() == request.kind() ? Fit::yes : Fit::no;
  return both(both(kind, trust_fit(rule, trusted)), both(command_fit(rule, request, line), path_fit(rule, request)));
}

v1::ApprovalResolved verdict(std::string_view decision, const std::string& rule) {
  v1::ApprovalResolved resolved;
  resolved.set_decision(std::string(decision));
  resolved.set_rule(rule);
  return resolved;
}

Status check_rule(const Rule& rule, const std::string& field) {
  const auto wrong = [&](std::string_view name, std::string why) {
    return make_error(Code::invalid_field, std::move(why), field + "." + std::string(name));
  };
  if (rule.name().empty() || rule.name().size() > kMaxRuleNameBytes)
    return wrong("name", "must have 1 to " + std::to_string(kMaxRuleNameBytes) + " bytes");
  if (rule.effect() != Rule::ALLOW && rule.effect() != Rule::DENY && rule.effect() != Rule::ASK) return wrong("effect", "must be allow, deny or ask");
  if (!rule.kind().empty() && !is_approval_kind(rule.kind())) return wrong("kind", "must be command, file_change, permissions, user_input or tool");
  if (rule.command_prefix_size() > kMaxPrefixWords) return wrong("command_prefix", "must have at most " + std::to_string(kMaxPrefixWords) + " words");
  if (!rule.command_prefix().empty() && !rule.kind().empty() && rule.kind() != "command")
    return wrong("command_prefix", "goes with the kind command only");
  for (const auto& word : rule.command_prefix()) {
    if (word.empty() || word.size() > kMaxPrefixWordBytes)
      return wrong("command_prefix", "has a word that is empty or longer than " + std::to_string(kMaxPrefixWordBytes) + " bytes");
    if (word.find_first_of(" \t\r\n") != std::string::npos) return wrong("command_prefix", "must be split into words");
  }
  if (rule.path().size() > kMaxGlobBytes) return wrong("path", "must be at most " + std::to_string(kMaxGlobBytes) + " bytes");
  for (const auto part : parts_of(rule.path()))
    if (part == ".." || part == "." || (part != "**" && part.find("**") != std::string_view::npos))
      return wrong("path", "must be a glob of whole parts: no . and .., and ** only as a part of its own");
  return {};
}

}  // namespace

const v1::ApprovalPolicy& default_policy() {
  static const v1::ApprovalPolicy policy = [] {
    v1::ApprovalPolicy never;
    never.set_mode(v1::ApprovalPolicy::NEVER);
    return never;
  }();
  return policy;
}

const v1::ApprovalPolicy& policy_in_force(const v1::WorkspaceState& state, std::string_view project_id) {
  const v1::ApprovalPolicy* found = &default_policy();
  for (const auto& set : state.policies()) {
    if (!project_id.empty() && set.project_id() == project_id) return set.policy();
    if (set.project_id().empty()) found = &set.policy();
  }
  return *found;
}

Status check_policy(const v1::ApprovalPolicy& policy) {
  using Policy = v1::ApprovalPolicy;
  if (policy.mode() != Policy::NEVER && policy.mode() != Policy::ON_REQUEST && policy.mode() != Policy::UNTRUSTED)
    return make_error(Code::invalid_field, "must be never, on_request or untrusted", "mode");
  if (policy.rules_size() > kMaxRules) return make_error(Code::invalid_field, "must have at most " + std::to_string(kMaxRules) + " rules", "rules");
  for (int i = 0; i < policy.rules_size(); ++i) {
    const std::string field = "rules[" + std::to_string(i) + "]";
    TRY_STATUS(check_rule(policy.rules(i), field));
    for (int j = 0; j < i; ++j)
      if (policy.rules(j).name() == policy.rules(i).name())
        return make_error(Code::invalid_field, "is the name of rules[" + std::to_string(j) + "] already", field + ".name");
  }
  if (policy.ByteSizeLong() > kMaxPolicyBytes)
    return make_error(Code::invalid_field, "must be at most " + std::to_string(kMaxPolicyBytes) + " bytes together", "rules");
  return {};
}

bool asks_for_trust(const v1::ApprovalPolicy& policy) {
  return std::any_of(policy.rules().begin(), policy.rules().end(), [](const Rule& rule) { return rule.project() != Rule::ANY; });
}

std::optional<v1::ApprovalResolved> decide_by_policy(const v1::ApprovalPolicy& policy, const v1::ApprovalRequested& request, bool project_trusted) {
  ShellLine line;
  line.understood = request.command().form_case() == v1::Text::kPlain;  // neither absent nor sealed
  if (line.understood && request.kind() == "command") line = split_shell_line(request.command().plain());
  for (const Rule& rule : policy.rules()) {
    const Fit fit = rule_fit(rule, request, line, project_trusted);
    if (fit == Fit::no) continue;
    if (rule.effect() == Rule::ALLOW) {
      // Questions have no answer that a rule could give.
      if (fit == Fit::yes && request.kind() != "user_input") return verdict("accept", rule.name());
      continue;
    }
    if (rule.effect() == Rule::DENY && fit == Fit::yes) return verdict("decline", rule.name());
    break;  // people are asked
  }
  if (policy.mode() == v1::ApprovalPolicy::ON_REQUEST || policy.mode() == v1::ApprovalPolicy::UNTRUSTED) return std::nullopt;
  v1::ApprovalResolved nobody_asked = verdict("decline", {});
  nobody_asked.mutable_reason()->set_plain("the policy's mode is never");
  return nobody_asked;
}

bool glob_matches(std::string_view glob, std::string_view path) {
  const auto wanted = parts_of(glob);
  const auto given = parts_of(path);
  std::size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < given.size()) {
    if (g < wanted.size() && wanted[g] == "**") {
      star = g++;
      mark = t;
    } else if (g < wanted.size() && part_matches(wanted[g], given[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < wanted.size() && wanted[g] == "**") ++g;
  return g == wanted.size();
}

}  // namespace dossier::events
