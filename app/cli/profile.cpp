// The profile file.
#include "app/cli/profile.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "platform/json/json.hpp"

namespace dossier::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kMembers = {"url", "token", "workspace", "kafka", "kafka_properties", "database", "topic_prefix"};
constexpr std::size_t kMaxProfileBytes = 64u << 10;

Error wrong(const std::string& file, const std::string& why) { return make_error(Code::usage, "profile " + file + ": " + why); }

std::string home_profile(const Environment& environment) {
  const std::string config = environment("XDG_CONFIG_HOME");
  if (!config.empty()) return config + "/dossier/profile.json";
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.config/dossier/profile.json";
}

Result<Profile> read(const std::string& file) {
  std::error_code failed;
  if (!fs::exists(file, failed) && !failed) return Profile{file, {}};  // sign-in will make it
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return wrong(file, "can't be read: " + std::string(std::strerror(errno)));
  std::string text(kMaxProfileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxProfileBytes) return wrong(file, "is larger than a profile");
  auto parsed = json::parse(text);
  if (!parsed) return wrong(file, parsed.error().message);
  if (parsed->object() == nullptr) return wrong(file, "is no JSON object");
  Profile profile{file, {}};
  for (const auto& [name, value] : *parsed->object()) {
    if (std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end()) {
      const std::string meant = nearest(name, {kMembers.begin(), kMembers.end()});
      return wrong(file, "has an unknown member \"" + name + "\"" + (meant.empty() ? "" : ": did you mean \"" + meant + "\"?"));
    }
    if (value.is_null()) continue;
    if (value.string() == nullptr) return wrong(file, "\"" + name + "\" is no string");
    profile.values[name] = *value.string();
  }
  return profile;
}

}  // namespace

std::string program_folder() {
  std::error_code failed;
  const auto program = fs::read_symlink("/proc/self/exe", failed);
  return failed ? std::string() : program.parent_path().string();
}

Result<Profile> load_profile(const std::string& flag, const Environment& environment, const std::string& folder) {
  if (!flag.empty()) return read(flag);
  if (const std::string named = environment("DOSSIER_PROFILE"); !named.empty()) return read(named);
  for (const std::string& file : {folder.empty() ? std::string() : folder + "/../profile.json", home_profile(environment)}) {
    std::error_code failed;
    if (!file.empty() && fs::exists(file, failed)) return read(fs::path(file).lexically_normal().string());
  }
  return Profile{};
}

Result<std::string> profile_to_write(const std::string& flag, const Environment& environment, const std::string& present) {
  if (!flag.empty()) return flag;
  if (const std::string named = environment("DOSSIER_PROFILE"); !named.empty()) return named;
  if (!present.empty()) return present;
  std::string file = home_profile(environment);
  if (file.empty()) return make_error(Code::usage, "there is no HOME to keep the profile in: give --profile FILE");
  return file;
}

Status save_profile(const std::string& file, const std::map<std::string, std::string, std::less<>>& values) {
  std::map<std::string, std::string, std::less<>> all;
  std::error_code failed;
  if (fs::exists(file, failed)) {
    TRY(auto present, read(file));
    all = std::move(present.values);
  }
  for (const auto& [name, value] : values) all[name] = value;
  json::Value::Object object;
  for (const auto& [name, value] : all) object.emplace_back(name, value);
  const std::string text = json::write(object) + "\n";
  if (const auto parent = fs::path(file).parent_path(); !parent.empty()) fs::create_directories(parent, failed);
  const std::string fresh = file + ".new";
  fs::remove(fresh, failed);  // what an earlier attempt left may have another mode
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!written || std::rename(fresh.c_str(), file.c_str()) != 0)
    return make_error(Code::io, "can't write the profile " + file + ": " + std::strerror(written ? errno : error));
  return {};
}

}  // namespace dossier::cli
