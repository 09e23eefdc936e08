// Homes on disk.
#include "worker/session_homes.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKnows = ".knows";
constexpr std::size_t kMaxProviderSession = 512;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxProviderSession + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return text;
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 100 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

}  // namespace

SessionHomes::SessionHomes(std::string root, std::optional<process::Account> account) : root_(std::move(root)), account_(std::move(account)) {}

Status SessionHomes::make(const std::string& path) const {
  std::error_code failed;
  fs::create_directories(root_, failed);
  // The agents' account passes through; nobody else does.
  if (!failed && account_ && ::chown(root_.c_str(), static_cast<uid_t>(-1), account_->gid) != 0) failed.assign(errno, std::generic_category());
  if (!failed) fs::permissions(root_, account_ ? fs::perms::owner_all | fs::perms::group_exec : fs::perms::owner_all, failed);
  if (!failed) fs::create_directory(path, failed);
  if (!failed) fs::permissions(path, fs::perms::owner_all, failed);
  if (!failed && account_ && ::lchown(path.c_str(), account_->uid, account_->gid) != 0) failed.assign(errno, std::generic_category());
  if (failed) return make_error(Code::io, "can't make the agent's home " + path + ": " + failed.message());
  return {};
}

std::string SessionHomes::find(const std::string& provider_session) const {
  if (provider_session.empty()) return {};
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(root_, failed))
    if (entry.path().extension() == kKnows && read_text(entry.path()) == provider_session &&
        fs::is_directory(entry.path().parent_path() / entry.path().stem()))
      return entry.path().stem().string();
  return {};
}

Result<SessionHome> SessionHomes::open(const std::string& session_id, std::uint32_t offer, const std::string& provider_session) {
  if (!is_name(session_id)) return make_error(Code::invalid_field, "is no id", "session_id");
  const std::lock_guard lock(mutex_);
  SessionHome home;
  home.name = find(provider_session);
  home.remembers = !home.name.empty() && !used_.contains(home.name);
  // An earlier offer's run may be about to end in the session's own folder.
  if (!home.remembers) home.name = used_.contains(session_id) ? session_id + "-o" + std::to_string(offer) : session_id;
  home.path = root_ + "/" + home.name;
  TRY_STATUS(make(home.path));
  used_.insert(home.name);
  remove_old();
  return home;
}

Status SessionHomes::remember(const SessionHome& home, const std::string& provider_session) const {
  if (provider_session.empty() || provider_session.size() > kMaxProviderSession) return {};
  const std::string path = home.path + std::string(kKnows);
  {
    std::ofstream file(path + ".making", std::ios::binary | std::ios::trunc);
    file << provider_session;
    if (!file.flush()) return make_error(Code::io, "can't write " + path);
  }
  std::error_code failed;
  fs::rename(path + ".making", path, failed);
  if (failed) return make_error(Code::io, "can't write " + path + ": " + failed.message());
  return {};
}

void SessionHomes::close(const SessionHome& home) {
  const std::lock_guard lock(mutex_);
  used_.erase(home.name);
}

// By the time when their note was written, or they were made.
void SessionHomes::remove_old() {
  std::error_code failed;
  std::vector<std::pair<fs::file_time_type, std::string>> homes;
  for (const auto& entry : fs::directory_iterator(root_, failed)) {
    if (!entry.is_directory(failed) || used_.contains(entry.path().filename().string())) continue;
    const fs::path note = entry.path().string() + std::string(kKnows);
    homes.emplace_back(fs::exists(note, failed) ? fs::last_write_time(note, failed) : fs::last_write_time(entry.path(), failed),
                       entry.path().string());
  }
  if (homes.size() <= kMaxHomes) return;
  std::sort(homes.begin(), homes.end());
  for (std::size_t i = 0; i + kMaxHomes < homes.size(); ++i) {
    fs::remove(homes[i].second + std::string(kKnows), failed);
    fs::remove_all(homes[i].second, failed);
    if (failed) log::warn("worker", "can't remove an old agent's home, " + homes[i].second + ": " + failed.message());
  }
}

}  // namespace dossier::worker
