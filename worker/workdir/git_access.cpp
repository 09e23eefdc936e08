// Settings of git and ssh in a folder of their own.
#include "worker/workdir/git_access.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "platform/git/beneath.hpp"

namespace dossier::worker {
namespace {

// Of this process's environment: how the network is reached, and where programs are.
constexpr const char* kInherited[] = {"PATH",        "TMPDIR",   "http_proxy",    "https_proxy",  "no_proxy", "all_proxy",
                                      "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "ALL_PROXY"};

// No hook, no filter, nothing left running. A repository of another account is read as libgit2 reads it here.
constexpr std::string_view kSettings = R"([core]
	hooksPath = /dev/null
	fsmonitor = false
[safe]
	directory = *
[gc]
	auto = 0
[maintenance]
	auto = false
[filter "lfs"]
	smudge =
	process =
	required = false
[http]
	lowSpeedLimit = 1
	lowSpeedTime = 60
)";

// Git asks it for a host by the address that it is about to talk to, so after a redirection for the new one: a header that is
// configured (http.<…>.extraHeader) would go along.
constexpr std::string_view kHelper =
    R"(	helper = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$SOURCE_USERNAME\" \"$SOURCE_PASSWORD\"; }; f")"
    "\n";

// Before the lines for all hosts: the first value counts.
constexpr std::string_view kSshSettings = R"(Host *
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  StrictHostKeyChecking yes
  UpdateHostKeys no
  ForwardAgent no
  ConnectTimeout 30
  ServerAliveInterval 30
)";

Status write_private(const std::string& file, std::string_view text, mode_t mode) {
  const git::Descriptor made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (made.get() < 0 || ::write(made.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return make_error(Code::io, "can't write " + file);
  return {};
}

std::string quoted(std::string_view text, std::string_view escaped) {
  std::string quoted;
  for (const char c : text) {
    if (escaped.find(c) != std::string_view::npos) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

std::string for_shell(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

bool is_http(const std::string& url) { return url.starts_with("https://") || url.starts_with("http://"); }

// "https://host:port".
std::string origin_of(const std::string& url) { return url.substr(0, url.find('/', url.find("://") + 3)); }

// The host of ssh://user@host:port/path or user@host:path.
std::string ssh_host(const std::string& url) {
  constexpr std::string_view kScheme = "ssh://";
  const bool has_scheme = url.starts_with(kScheme);
  std::string host = has_scheme ? url.substr(kScheme.size(), url.find('/', kScheme.size()) - kScheme.size()) : url.substr(0, url.find(':'));
  host.erase(0, host.rfind('@') + 1);
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return has_scheme ? host.substr(0, host.find(':')) : host;
}

// ssh's settings, and the key beside them.
Status write_ssh_access(const git::Remote& source, const std::string& folder) {
  const git::Credentials& credentials = source.credentials;
  if (credentials.ssh_key.empty())
    return write_private(folder + "/ssh_config", std::string("Host *\n  IdentityFile none\n").append(kSshSettings), 0600);
  const std::string host = ssh_host(source.url);
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':'; };
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_plain) || folder.find_first_of("\"%$\n") != std::string::npos)
    return make_error(Code::invalid_field, "the project's SSH key can't be given to ssh for the host \"" + host + "\"", "source");
  TRY_STATUS(write_private(folder + "/key", credentials.ssh_key + (credentials.ssh_key.ends_with('\n') ? "" : "\n"), 0600));
  std::string settings = "Host " + host + "\n  IdentityFile \"" + folder + "/key\"\n";
  if (!credentials.ssh_host_key.empty()) {
    const auto is_fingerprint = [](unsigned char c) { return std::isalnum(c) != 0 || c == ':' || c == '+' || c == '/'; };
    if (!std::all_of(credentials.ssh_host_key.begin(), credentials.ssh_host_key.end(), is_fingerprint))
      return make_error(Code::invalid_field, "the project's SSH host key is no fingerprint as ssh-keygen -l prints it", "source");
    // ssh pins no fingerprint: the key that it was shown is known where it has this one.
    settings += "  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n  CheckHostIP no\n";
    settings += "  KnownHostsCommand /bin/sh -c \"test '%f' = '" + credentials.ssh_host_key + "' && echo '%H %t %K'; true\"\n";
  }
  settings += "Host * !" + host + "\n  IdentityFile none\n";
  TRY_STATUS(write_private(folder + "/ssh_config", settings.append(kSshSettings), 0600));
  if (credentials.ssh_passphrase.empty()) return {};
  return write_private(folder + "/askpass", "#!/bin/sh\nprintf '%s\\n' \"$SOURCE_PASSPHRASE\"\n", 0700);
}

}  // namespace

Result<process::Environment> git_access(const git::Remote& source, const std::string& folder) {
  const git::Credentials& credentials = source.credentials;
  process::Environment environment;
  for (const char* name : kInherited)
    if (const char* value = std::getenv(name); value != nullptr) environment.emplace_back(name, value);
  environment.insert(environment.end(), {{"HOME", folder},
                                         {"LC_ALL", "C"},
                                         {"GIT_CONFIG_NOSYSTEM", "1"},
                                         {"GIT_CONFIG_GLOBAL", folder + "/gitconfig"},
                                         {"GIT_ATTR_NOSYSTEM", "1"},
                                         {"GIT_TERMINAL_PROMPT", "0"},
                                         {"GIT_ALLOW_PROTOCOL", std::string("https:http:ssh:git") + (source.local ? ":file" : "")},
                                         {"GIT_LFS_SKIP_SMUDGE", "1"},
                                         {"GIT_SSH_VARIANT", "ssh"},
                                         {"GIT_SSH_COMMAND", "ssh -F " + for_shell(folder + "/ssh_config")}});
  std::string settings(kSettings);
  if (is_http(source.url) && !credentials.password.empty()) {
    settings += "[credential \"" + quoted(origin_of(source.url), "\"\\") + "\"]\n";
    settings += kHelper;
    environment.emplace_back("SOURCE_USERNAME", credentials.username.empty() ? "git" : credentials.username);
    environment.emplace_back("SOURCE_PASSWORD", credentials.password);
  }
  TRY_STATUS(write_private(folder + "/gitconfig", settings, 0600));
  TRY_STATUS(write_ssh_access(source, folder));
  if (!credentials.ssh_key.empty() && !credentials.ssh_passphrase.empty())
    environment.insert(environment.end(),
                       {{"SSH_ASKPASS", folder + "/askpass"}, {"SSH_ASKPASS_REQUIRE", "force"}, {"SOURCE_PASSPHRASE", credentials.ssh_passphrase}});
  else
    environment.insert(environment.end(), {{"SSH_ASKPASS", "/bin/false"}, {"SSH_ASKPASS_REQUIRE", "force"}});
  return environment;
}

}  // namespace dossier::worker
