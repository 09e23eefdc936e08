// Mirroring a remote, and who it is asked as.
#include <filesystem>
#include <fstream>
#include <system_error>

#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;

// `name`: it is kept in the repository's settings; nullptr: it is not. git_remote_lookup and its like match every line of
// every git configuration with a regular expression, for url.<…>.insteadOf, and libgit2 1.5 loses 20 KB with each line that
// does not match: a worker would lose a third of a megabyte with each fetch.
Result<RemoteHandle> make_remote(git_repository* repository, const char* name, const std::string& url) {
  git_remote_create_options options = GIT_REMOTE_CREATE_OPTIONS_INIT;
  options.repository = repository;
  options.name = name;
  options.fetchspec = "+refs/heads/*:refs/remotes/origin/*";
  options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF;
  RemoteHandle remote;
  TRY_GIT("can't use the address " + url, git_remote_create_with_opts(out(remote), url.c_str(), &options));
  return remote;
}

// What libgit2's callbacks get. On the stack of fetch().
struct Transfer {
  const ShouldStop& should_stop;
  const Credentials& credentials;
  const std::string& url;
  bool offered_key = false;
  bool offered_password = false;
};

bool has_any(const Credentials& credentials) { return !credentials.password.empty() || !credentials.ssh_key.empty(); }

int progress(void* payload) { return static_cast<Transfer*>(payload)->should_stop() ? GIT_EUSER : 0; }

// "https://host:port" of an address; all of one without a scheme.
std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url : url.substr(0, url.find('/', scheme + 3));
}

// libgit2 asks again after each refusal, without end: each method is offered once. It follows redirections whatever its options
// say (1.5), and asks with the address that it was sent to.
int give_credentials(git_credential** made, const char* url, const char* user_of_url, unsigned allowed, void* payload) {
  Transfer& transfer = *static_cast<Transfer*>(payload);
  const Credentials& credentials = transfer.credentials;
  if (!has_any(credentials)) return GIT_PASSTHROUGH;
  if (url == nullptr || origin_of(url) != origin_of(transfer.url)) {
    git_error_set_str(GIT_ERROR_CALLBACK, "the remote redirects to another host, which gets no credentials; give the project that address");
    return GIT_EAUTH;
  }
  const std::string user = !credentials.username.empty() ? credentials.username : user_of_url != nullptr ? user_of_url : "git";
  if ((allowed & GIT_CREDENTIAL_USERNAME) != 0) return git_credential_username_new(made, user.c_str());
  if ((allowed & GIT_CREDENTIAL_SSH_MEMORY) != 0 && !credentials.ssh_key.empty() && !transfer.offered_key) {
    transfer.offered_key = true;
    const char* passphrase = credentials.ssh_passphrase.empty() ? nullptr : credentials.ssh_passphrase.c_str();
    return git_credential_ssh_key_memory_new(made, user.c_str(), nullptr, credentials.ssh_key.c_str(), passphrase);
  }
  if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 && !credentials.password.empty() && !transfer.offered_password) {
    transfer.offered_password = true;
    return git_credential_userpass_plaintext_new(made, user.c_str(), credentials.password.c_str());
  }
  git_error_set_str(GIT_ERROR_CALLBACK, "the remote refused the credentials of the project");
  return GIT_EAUTH;
}

std::string base64_without_padding(const unsigned char* bytes, std::size_t size) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < size; i += 3) {
    const std::size_t left = std::min<std::size_t>(3, size - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k <= left; ++k) text += kDigits[group >> (18 - 6 * k) & 63];
  }
  return text;
}

// Who is asked for a decision is told what to decide on: the key that was seen.
int check_host(git_cert* certificate, int valid, const char*, void* payload) {
  const Transfer& transfer = *static_cast<Transfer*>(payload);
  const std::string& pinned = transfer.credentials.ssh_host_key;
  if (certificate->cert_type != GIT_CERT_HOSTKEY_LIBSSH2 || (pinned.empty() && valid != 0)) return GIT_PASSTHROUGH;
  const auto& key = *reinterpret_cast<const git_cert_hostkey*>(certificate);
  if ((key.type & GIT_CERT_SSH_SHA256) == 0) return GIT_PASSTHROUGH;
  const std::string seen = "SHA256:" + base64_without_padding(key.hash_sha256, sizeof key.hash_sha256);
  if (seen == pinned) return 0;
  const std::string why = pinned.empty() ? "the host key " + seen +
                                               " is not among the known_hosts of the worker's account; if it is the right one, "
                                               "give it with the project's key (--host-key)"
                                         : "the host key is " + seen + ", and the project names " + pinned;
  git_error_set_str(GIT_ERROR_CALLBACK, why.c_str());
  return GIT_ECERTIFICATE;
}

// A server's words may repeat what it was told.
Error without_secrets(Error error, const Credentials& credentials) {
  for (const std::string* secret : {&credentials.password, &credentials.ssh_passphrase, &credentials.ssh_key}) {
    if (secret->empty()) continue;
    for (std::size_t at = 0; (at = error.message.find(*secret, at)) != std::string::npos; at += 3) error.message.replace(at, secret->size(), "***");
  }
  return error;
}

constexpr std::string_view kHeads = "refs/heads/";
constexpr std::string_view kMirrored = "refs/remotes/origin/";

// Whether every branch of the connected remote is here as it is there, with its commit, and no other one: then a fetch would ask the same again, and
// read every reference of the repository to find nothing to prune.
bool is_mirrored(git_repository* repository, git_remote* remote) {
  const git_remote_head** heads = nullptr;
  std::size_t count = 0, branches = 0;
  OdbHandle objects;
  if (git_remote_ls(&heads, &count, remote) != 0 || git_repository_odb(out(objects), repository) != 0) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name(heads[i]->name);
    if (name.substr(0, kHeads.size()) != kHeads) continue;
    ++branches;
    const std::string mirrored = std::string(kMirrored) + std::string(name.substr(kHeads.size()));
    git_oid here;
    if (git_reference_name_to_id(&here, repository, mirrored.c_str()) != 0 || git_oid_equal(&here, &heads[i]->oid) == 0 ||
        git_odb_exists(objects.get(), &here) == 0)
      return false;
  }
  std::size_t mirrored = 0;
  const auto counted = [](const char*, void* number) {
    ++*static_cast<std::size_t*>(number);
    return 0;
  };
  return git_reference_foreach_glob(repository, (std::string(kMirrored) + "*").c_str(), counted, &mirrored) == 0 && mirrored == branches;
}

std::string real(const fs::path& path) {
  std::error_code failed;
  const fs::path found = fs::canonical(path, failed);
  return failed ? "" : found.string();
}

}  // namespace

Result<Remote> parse_remote(const std::string& address) {
  Remote remote;
  const auto refuse = [](const std::string& why) {
    return make_error(Code::invalid_field, why + "; give it as https://host/path, ssh://user@host/path, user@host:path, or an absolute path",
                      "source");
  };
  if (address.empty() || address.size() > 4'096 || address.find_first_of(std::string("\0\n\r", 3)) != std::string::npos)
    return refuse("the source's address is empty, too long, or has a line break");
  if (address.front() == '/') {
    remote.url = address;
    remote.local = true;
    return remote;
  }
  const std::size_t scheme_end = address.find("://");
  if (scheme_end == std::string::npos) {
    // user@host:path. A "-" in front would be an option to a program that is handed it.
    const std::size_t colon = address.find(':'), slash = address.find('/');
    if (colon == std::string::npos || colon == 0 || (slash != std::string::npos && slash < colon) || address.front() == '-' ||
        address.compare(colon, 2, "::") == 0)
      return refuse("the source's address is neither a URL nor a path");
    remote.url = address;
    return remote;
  }
  const std::string scheme = address.substr(0, scheme_end);
  if (scheme != "https" && scheme != "http" && scheme != "ssh" && scheme != "git" && scheme != "file")
    return refuse("the source's address has the scheme \"" + scheme + "\", which is not known here");
  remote.local = scheme == "file";
  const std::size_t host = scheme_end + 3, host_end = std::min(address.find('/', host), address.size());
  const std::size_t at = address.rfind('@', host_end);
  if (at == std::string::npos || at < host) {
    remote.url = address;
    return remote;
  }
  // Credentials in the address would be written to the mirror's settings and shown in errors: they are taken out of it.
  const std::string user_info = address.substr(host, at - host);
  const std::size_t colon = user_info.find(':');
  const auto plain = [](const std::string& text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
          std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0) {
        decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
        i += 2;
      } else {
        decoded += text[i];
      }
    }
    return decoded;
  };
  remote.credentials.username = plain(user_info.substr(0, colon));
  if (colon != std::string::npos) remote.credentials.password = plain(user_info.substr(colon + 1));
  // A token is sometimes given as the user's name alone.
  if (colon == std::string::npos && scheme != "ssh") remote.credentials.password = remote.credentials.username;
  remote.url = address.substr(0, host) + (scheme == "ssh" ? user_info.substr(0, colon) + "@" : "") + address.substr(at + 1);
  return remote;
}

Result<std::string> find_root(const std::string& path) {
  start_library();
  const std::string place = real(path);
  if (path.empty() || path.front() != '/')
    return make_error(Code::invalid_field, "the source's path " + path + " is not absolute; give the whole path from /", "source");
  if (place.empty()) return make_error(Code::not_found, "there is no " + path + " on this worker", "source");
  RepositoryHandle repository;
  TRY_GIT("no git repository holds " + path, git_repository_open_ext(out(repository), place.c_str(), 0, nullptr));
  const bool bare = git_repository_is_bare(repository.get()) != 0;
  const char* found = bare ? git_repository_path(repository.get()) : git_repository_workdir(repository.get());
  const std::string root = real(found == nullptr ? place : found);
  const Error outside = make_error(Code::forbidden, path + " leads out of its repository by a link; name the repository itself", "source");
  // One of the folders that `path` names must be the root: then everything between it and `path` lies inside.
  bool inside = false;
  for (fs::path step = fs::path(path).lexically_normal(); !inside; step = step.parent_path()) {
    inside = real(step) == root;
    if (step == step.parent_path()) break;
  }
  if (!inside) return outside;
  std::error_code ignored;
  if (!bare && fs::is_symlink(fs::path(root) / ".git", ignored)) {
    const std::string target = real(fs::path(root) / ".git");
    if (target.compare(0, root.size() + 1, root + "/") != 0) return outside;
  }
  return root;
}

Status check_source(const std::string& root) {
  start_library();
  const auto refuse = [&](const std::string& what) {
    return make_error(Code::invalid_field, root + " is " + what + ", which can't be mirrored; name a whole clone of it", "source");
  };
  std::error_code ignored;
  fs::path inside = fs::path(root) / ".git";
  if (!fs::exists(inside, ignored)) inside = root;
  if (fs::exists(inside / "shallow", ignored)) return refuse("a shallow clone");
  ConfigHandle file, config;
  if (git_config_open_ondisk(out(file), (inside / "config").c_str()) != 0) return {};
  if (git_config_snapshot(out(config), file.get()) != 0) return {};
  const char* text = nullptr;
  if (git_config_get_string(&text, config.get(), "extensions.partialclone") == 0) return refuse("a partial clone");
  int promisor = 0;
  if (git_config_get_bool(&promisor, config.get(), "remote.origin.promisor") == 0 && promisor != 0) return refuse("a partial clone");
  if (git_config_get_string(&text, config.get(), "extensions.objectformat") == 0 && std::string_view(text) != "sha1")
    return refuse(std::string("a repository of the object format ") + text);
  return {};
}

Result<Repository> Repository::create_mirror(const std::string& path, const std::string& url) {
  start_library();
  auto handle = std::make_unique<Handle>();
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
  TRY_GIT("can't make the repository " + path, git_repository_init_ext(out(handle->repository), path.c_str(), &options));
  TRY([[maybe_unused]] const auto remote, make_remote(handle->repository.get(), "origin", url));
  // No reference holds a snapshot's tree: a git program that an agent runs here must not collect it.
  ConfigHandle config;
  TRY_GIT("can't read the repository's settings", git_repository_config(out(config), handle->repository.get()));
  TRY_GIT("can't write the repository's settings", git_config_set_int32(config.get(), "gc.auto", 0));
  return Repository(std::move(handle));
}

Result<std::string> Repository::remote_url() const {
  ConfigHandle config;
  TRY_GIT("can't read the repository's settings", git_repository_config_snapshot(out(config), handle_->repository.get()));
  const char* url = nullptr;
  TRY_GIT("can't find the remote", git_config_get_string(&url, config.get(), "remote.origin.url"));
  return std::string(url);
}

Status Repository::set_remote_url(const std::string& url) {
  ConfigHandle config;  // git_remote_set_url would look the remote up, see make_remote
  TRY_GIT("can't read the repository's settings", git_repository_config(out(config), handle_->repository.get()));
  TRY_GIT("can't use the address " + url, git_config_set_string(config.get(), "remote.origin.url", url.c_str()));
  return {};
}

Status Repository::set_excluded(const std::string& patterns) {
  const fs::path folder = fs::path(git_repository_commondir(handle_->repository.get())) / "info";
  {
    std::ifstream present(folder / "exclude", std::ios::binary);
    if (std::string(std::istreambuf_iterator<char>(present), {}) == patterns) return {};
  }
  std::error_code failed;
  fs::create_directories(folder, failed);
  std::ofstream file(folder / "exclude", std::ios::binary | std::ios::trunc);
  file << patterns;
  file.close();
  if (failed || !file) return make_error(Code::io, "can't write " + (folder / "exclude").string());
  return {};
}

Result<std::string> Repository::fetch(const ShouldStop& should_stop, const Credentials& credentials) {
  TRY(const std::string url, remote_url());
  TRY(const RemoteHandle remote, make_remote(handle_->repository.get(), nullptr, url));
  Transfer transfer{should_stop, credentials, url};
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.prune = GIT_FETCH_PRUNE;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.callbacks.payload = &transfer;
  options.callbacks.transfer_progress = [](const git_indexer_progress*, void* payload) { return progress(payload); };
  options.callbacks.sideband_progress = [](const char*, int, void* payload) { return progress(payload); };
  options.callbacks.credentials = give_credentials;
  options.callbacks.certificate_check = check_host;
  const std::string what = "can't fetch from " + url;
  int result = git_remote_connect(remote.get(), GIT_DIRECTION_FETCH, &options.callbacks, nullptr, nullptr);
  if (result < 0) return without_secrets(git_error_of(result, what), credentials);
  // An empty repository has no default branch; that is no error here.
  Buffer name;
  std::string branch;
  if (git_remote_default_branch(name.get(), remote.get()) == 0) branch = name.str();
  if (!is_mirrored(handle_->repository.get(), remote.get())) {
    result = git_remote_fetch(remote.get(), nullptr, &options, "fetch");
    if (result < 0) return without_secrets(git_error_of(result, what), credentials);
  }
  git_remote_disconnect(remote.get());
  if (branch.compare(0, kHeads.size(), kHeads) == 0) branch.erase(0, kHeads.size());
  return branch;
}

}  // namespace dossier::git
