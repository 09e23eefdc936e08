// Projects: evolve and checks.
#include "events/project.hpp"

#include <algorithm>

#include "events/fold.hpp"

namespace dossier::events {

bool evolve(v1::ProjectState& state, const v1::ProjectEvent& event) {
  switch (event.fact_case()) {
    case v1::ProjectEvent::kProjectCreated:
      state.set_project_id(event.project_created().project_id());
      *state.mutable_source() = event.project_created().source();
      state.set_default_branch(event.project_created().default_branch());
      return true;
    case v1::ProjectEvent::kProjectUpdated:
      if (event.project_updated().has_source()) *state.mutable_source() = event.project_updated().source();
      if (!event.project_updated().default_branch().empty()) state.set_default_branch(event.project_updated().default_branch());
      return true;
    case v1::ProjectEvent::kProjectTrusted: state.set_trusted(event.project_trusted().trusted()); return true;
    case v1::ProjectEvent::kProjectRemoved: state.set_removed(true); return true;
    case v1::ProjectEvent::kProjectSecretSet: *state.add_secrets() = event.project_secret_set(); return true;
    case v1::ProjectEvent::kProjectSecretRemoved: {
      auto& secrets = *state.mutable_secrets();
      const auto gone = [&](const v1::ProjectSecretSet& one) { return one.secret_id() == event.project_secret_removed().secret_id(); };
      secrets.erase(std::remove_if(secrets.begin(), secrets.end(), gone), secrets.end());
      return true;
    }
    case v1::ProjectEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool evolve(v1::ProjectUseState& state, const v1::ProjectUseEvent& event) {
  switch (event.fact_case()) {
    case v1::ProjectUseEvent::kProjectUseAdded: state.set_issues(state.issues() + 1); return true;
    case v1::ProjectUseEvent::kProjectUseDropped: state.set_issues(state.issues() == 0 ? 0 : state.issues() - 1); return true;
    case v1::ProjectUseEvent::FACT_NOT_SET: return false;
  }
  return false;
}

namespace {

bool has_control_or_space(std::string_view text) {
  for (unsigned char c : text)
    if (c <= 0x20 || c == 0x7f) return true;
  return false;
}

bool is_git_url(std::string_view url) {
  if (url.empty() || url.size() > 2'000 || has_control_or_space(url) || url.front() == '-') return false;
  for (std::string_view scheme : {"https://", "http://", "ssh://", "git://", "file://"})
    if (url.substr(0, scheme.size()) == scheme) return url.size() > scheme.size() && url[scheme.size()] != '-';
  const auto colon = url.find(':');  // user@host:path
  return colon != std::string_view::npos && colon > 0 && colon + 1 < url.size() && url.substr(0, colon).find('/') == std::string_view::npos;
}

}  // namespace

Status check_source(const v1::ProjectSource& source) {
  switch (source.source_case()) {
    case v1::ProjectSource::kGitUrl:
      if (is_git_url(source.git_url())) return {};
      return make_error(Code::invalid_field, "must be an https, ssh, git or file URL, or user@host:path", "git_url");
    case v1::ProjectSource::kLocalPath:
      if (!source.local_path().empty() && source.local_path().front() == '/' && source.local_path().size() <= 4'000) return {};
      return make_error(Code::invalid_field, "must be an absolute path on the workers' machine", "local_path");
    case v1::ProjectSource::SOURCE_NOT_SET: break;
  }
  return make_error(Code::missing_field, "give git_url or local_path", "git_url");
}

Status check_branch(std::string_view branch, std::string_view field) {
  const auto wrong = [&](std::string_view why) {
    return make_error(Code::invalid_field, "is no valid branch name: " + std::string(why), std::string(field));
  };
  if (branch.empty() || branch.size() > 200) return wrong("1 to 200 bytes");
  if (branch.front() == '-' || branch.front() == '/' || branch.back() == '/' || branch.back() == '.') return wrong("bad first or last character");
  if (branch == "@" || branch.find("..") != std::string_view::npos || branch.find("@{") != std::string_view::npos ||
      branch.find("//") != std::string_view::npos)
    return wrong("contains .., @{ or //");
  for (unsigned char c : branch)
    if (c <= 0x20 || c == 0x7f || std::string_view("~^:?*[\\").find(static_cast<char>(c)) != std::string_view::npos)
      return wrong("contains a space, a control character or one of ~^:?*[\\");
  for (std::size_t start = 0; start <= branch.size();) {
    const auto end = std::min(branch.find('/', start), branch.size());
    const auto part = branch.substr(start, end - start);
    if (part.front() == '.' || (part.size() >= 5 && part.substr(part.size() - 5) == ".lock")) return wrong("a part begins with . or ends with .lock");
    start = end + 1;
  }
  return {};
}

Status require_project(const v1::ProjectState& state) {
  if (state.project_id().empty() || state.removed()) return make_error(Code::not_found, "no such project in this workspace", "project_id");
  return {};
}

Result<std::optional<v1::ProjectEvent>> trust_project(const v1::ProjectState& state, bool trusted) {
  TRY_STATUS(require_project(state));
  if (state.trusted() == trusted) return std::optional<v1::ProjectEvent>{};
  v1::ProjectEvent event;
  event.mutable_project_trusted()->set_trusted(trusted);
  return std::optional(std::move(event));
}

std::string_view project_secret_kind(v1::ProjectSecretSet::Kind kind) {
  if (kind == v1::ProjectSecretSet::GIT_HTTPS) return "git_https";
  if (kind == v1::ProjectSecretSet::GIT_SSH) return "git_ssh";
  return "value";
}

namespace {

// Letters, digits and _, as names of variables are; a digit is not first.
bool is_secret_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxSecretNameBytes || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

Status check_secret(const v1::ProjectSecretSet& set) {
  if (set.kind() == v1::ProjectSecretSet::VALUE) {
    if (!is_secret_name(set.name()))
      return make_error(Code::invalid_field, "must be 1 to " + std::to_string(kMaxSecretNameBytes) + " letters, digits and _, no digit first",
                        "name");
    if (set.name() == "git_https" || set.name() == "git_ssh")
      return make_error(Code::invalid_field, "is the name of credentials for git; take another, or give that kind", "name");
    return {};
  }
  if (set.kind() != v1::ProjectSecretSet::GIT_HTTPS && set.kind() != v1::ProjectSecretSet::GIT_SSH)
    return make_error(Code::invalid_field, "must be git_https, git_ssh or value", "kind");
  if (set.name() != project_secret_kind(set.kind()))
    return make_error(Code::invalid_field, "of credentials for git is their kind; leave it away", "name");
  return {};
}

v1::ProjectEvent secret_removed(std::string_view secret_id) {
  v1::ProjectEvent event;
  event.mutable_project_secret_removed()->set_secret_id(std::string(secret_id));
  return event;
}

}  // namespace

Result<std::vector<v1::ProjectEvent>> set_project_secret(const v1::ProjectState& state, const v1::ProjectSecretSet& set) {
  TRY_STATUS(require_project(state));
  TRY_STATUS(check_secret(set));
  std::vector<v1::ProjectEvent> events;
  for (const v1::ProjectSecretSet& present : state.secrets()) {
    if (present.secret_id() == set.secret_id()) return std::vector<v1::ProjectEvent>{};
    if (present.name() == set.name()) events.push_back(secret_removed(present.secret_id()));
  }
  if (events.empty() && state.secrets_size() >= kMaxProjectSecrets)
    return make_error(Code::conflict, "a project holds " + std::to_string(kMaxProjectSecrets) + " secrets at most: remove one");
  *events.emplace_back().mutable_project_secret_set() = set;
  return events;
}

Result<std::optional<v1::ProjectEvent>> remove_project_secret(const v1::ProjectState& state, std::string_view secret_id) {
  TRY_STATUS(require_project(state));
  const bool is_set = std::any_of(state.secrets().begin(), state.secrets().end(),
                                  [&](const v1::ProjectSecretSet& present) { return present.secret_id() == secret_id; });
  if (!is_set) return std::optional<v1::ProjectEvent>{};
  return std::optional(secret_removed(secret_id));
}

}  // namespace dossier::events
