// Running git for submodules, and looking whether something changed in them.
#include "worker/workdir/submodules.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/process/process.hpp"
#include "worker/workdir/git_access.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;
using Deadline = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxErrorBytes = 16 * 1024;  // kept of what git writes
constexpr std::size_t kMaxToldBytes = 600;
constexpr std::size_t kMaxToldSubmodules = 5;
constexpr std::int64_t kStopLookMs = 100;
constexpr std::string_view kBrokenOff = "checking the submodules out was broken off";

Error refusal(Code code, std::string message) { return make_error(code, std::move(message), "source"); }

std::string list_of(const git::Content& content) {
  std::string text;
  for (std::size_t i = 0; i < std::min(content.submodules.size(), kMaxToldSubmodules); ++i) text += (i == 0 ? "" : ", ") + content.submodules[i];
  return text + (content.submodule_count > kMaxToldSubmodules ? ", …" : "");
}

struct Ended {
  bool well = false;
  std::string errors;  // the first kMaxErrorBytes
};

Result<Ended> run(const process::SpawnOptions& options, Deadline until, const git::ShouldStop& should_stop) {
  TRY(process::Process program, process::Process::spawn(options));
  Ended ended;
  const auto read = [&](bool output) {
    std::string bytes;
    const bool open = output ? program.read_output(bytes, kMaxErrorBytes) : program.read_error(bytes, kMaxErrorBytes);
    if (!output) ended.errors.append(bytes, 0, kMaxErrorBytes - std::min(kMaxErrorBytes, ended.errors.size()));
    return open && !bytes.empty();
  };
  for (bool exited = false; !exited;) {
    const process::Ready ready = program.poll(kStopLookMs);
    if (ready.output) read(true);
    if (ready.error) read(false);
    exited = ready.exited;
    if (exited) break;
    if (should_stop()) return refusal(Code::shutting_down, std::string(kBrokenOff));
    if (std::chrono::steady_clock::now() >= until) return refusal(Code::io, "it took longer than a worktree may take");
  }
  const auto exit = program.try_wait();
  (void)program.kill_family();
  while (read(false)) {
  }
  ended.well = exit && exit->code == 0;
  return ended;
}

// Git's words on one line, without what it repeats, and without the credentials that it was given.
std::string told(const std::string& errors, const SubmodulePlace& place, const git::Credentials& credentials) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < errors.size();) {
    const std::size_t end = std::min(errors.find('\n', at), errors.size());
    std::string line = errors.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("Cloning into") || line.ends_with("Retry scheduled") || line.find_first_not_of(" \r") == std::string::npos) continue;
    for (char& c : line)
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  }
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
  const auto replace = [&](const std::string& what, std::string_view with) {
    for (std::size_t at = 0; !what.empty() && (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  };
  for (const std::string* secret : {&credentials.password, &credentials.ssh_passphrase}) replace(*secret, "***");
  replace(place.path + "/", "");
  if (text.size() > kMaxToldBytes) text = text.substr(0, kMaxToldBytes) + "…";
  return text.empty() ? "git said nothing" : text;
}

// Git has one exit status for all that may go wrong.
Error error_of(const std::string& submodule, const std::string& words) {
  const auto says = [&](std::initializer_list<std::string_view> any) {
    return std::any_of(any.begin(), any.end(), [&](std::string_view text) { return words.find(text) != std::string::npos; });
  };
  const std::string what = "can't check out the submodule " + submodule + ": " + words;
  if (says({"could not read Username", "Authentication failed", "Permission denied", "The requested URL returned error: 403"}))
    return refusal(Code::forbidden, what + "; the project's credentials are given to the source's own host alone");
  if (says({"not allowed", "No url found", "not our ref", "did not contain", "ignoring suspicious", "Refusing to", "refusing to"}))
    return refusal(Code::invalid_field,
                   what + "; correct its entry in .gitmodules (https, ssh, git or http), push the commit that it names, or remove it");
  return refusal(Code::io, what + "; make its address in .gitmodules one that this worker reaches");
}

// A common directory of our own in the place of the mirror's: agents that have no account of their own could write to the settings
// there, and what git notes of a submodule in it would count for every later worktree.
Result<process::Environment> environment_of(const SubmodulePlace& place, const git::Remote& source) {
  std::error_code failed;
  fs::create_directory(place.scratch, failed);
  if (!failed) fs::permissions(place.scratch, fs::perms::owner_all, failed);
  if (failed) return refusal(Code::io, "can't make " + place.scratch + ": " + failed.message());
  const std::string common = place.scratch + "/common";
  TRY([[maybe_unused]] const auto made, git::Repository::create_mirror(common, source.url));
  TRY(process::Environment environment, git_access(source, place.scratch));
  environment.insert(environment.end(), {{"GIT_DIR", place.repository + "/worktrees/" + place.worktree},
                                         {"GIT_WORK_TREE", place.path},
                                         {"GIT_COMMON_DIR", common},
                                         {"GIT_OBJECT_DIRECTORY", place.repository + "/objects"},
                                         {"GIT_LITERAL_PATHSPECS", "1"}});
  return environment;
}

// Order does not matter, so it is a sum. nullopt: it is no folder, or too large to be looked at.
std::optional<std::uint64_t> look_of(const fs::path& folder) {
  const auto add = [](std::uint64_t& sum, const fs::path& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) return;
    const std::string text = path.native() + '\0' + std::to_string(found.st_ino) + ' ' + std::to_string(found.st_size) + ' ' +
                             std::to_string(found.st_ctim.tv_sec) + ' ' + std::to_string(found.st_ctim.tv_nsec);
    sum += std::hash<std::string>()(text);
  };
  std::error_code failed;
  if (!fs::is_directory(fs::symlink_status(folder, failed))) return std::nullopt;
  std::uint64_t sum = 0;
  std::size_t count = 0;
  add(sum, folder);
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (++count > kMaxLooked) return std::nullopt;
    add(sum, at->path());
  }
  return sum;
}

}  // namespace

Status check_out_submodules(const SubmodulePlace& place, const git::Content& content, const git::Remote& source, const git::ShouldStop& should_stop,
                            std::int64_t limit_ms) {
  if (content.submodules.empty()) return {};
  if (content.submodule_count > content.submodules.size())
    return refusal(Code::invalid_field, "the source has " + std::to_string(content.submodule_count) + " submodules, and at most " +
                                            std::to_string(git::kMaxSubmodules) + " are checked out; name a source with fewer");
  const Deadline until = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  process::SpawnOptions options;
  TRY(options.environment, environment_of(place, source));
  options.working_directory = place.path;
  options.pipe_stdin = false;
  for (const std::string& submodule : content.submodules) {
    if (should_stop()) return refusal(Code::shutting_down, std::string(kBrokenOff));
    options.argv = {"git", "submodule", "--quiet", "update", "--init", "--recursive", "--", submodule};
    options.family = "submodules-" + crypto::random_uuid_hex();
    const auto ended = run(options, until, should_stop);
    if (!ended && ended.error().code == Code::not_found)
      return refusal(Code::invalid_field, "the source has submodules (" + list_of(content) +
                                              "), and the program git, which checks them out, is not in this worker's PATH; install git there, or "
                                              "name a source without submodules");
    if (!ended && ended.error().code == Code::shutting_down) return ended.error();
    if (!ended) return refusal(Code::io, "can't check out the submodule " + submodule + ": " + ended.error().message);
    if (!ended->well) return error_of(submodule, told(ended->errors, place, source.credentials));
  }
  return {};
}

std::string look_of_submodules(const std::string& worktree, const std::vector<std::string>& submodules) {
  std::string look;
  for (const std::string& submodule : submodules)
    if (const auto sum = look_of(fs::path(worktree) / submodule)) look += std::to_string(*sum) + ' ' + submodule + '\0';
  return look;
}

std::vector<std::string> changed_submodules(const std::string& worktree, std::string_view look) {
  std::vector<std::string> changed;
  while (!look.empty()) {
    const std::string_view one = look.substr(0, look.find('\0'));
    look.remove_prefix(std::min(one.size() + 1, look.size()));
    const std::size_t space = one.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string path(one.substr(space + 1));
    std::error_code failed;  // one that was taken away is no longer a submodule's folder, and its link goes with it
    if (!fs::is_directory(fs::symlink_status(fs::path(worktree) / path, failed))) continue;
    const auto now = look_of(fs::path(worktree) / path);
    if (!now || std::to_string(*now) != one.substr(0, space))
      changed.push_back(path + ": a submodule, in which something changed; that is kept where it is committed and pushed there");
  }
  return changed;
}

}  // namespace dossier::worker
