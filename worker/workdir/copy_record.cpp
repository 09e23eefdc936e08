// Records of working copies: in memory, and as JSON files.
#include "worker/workdir/copy_record.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "platform/git/beneath.hpp"
#include "platform/json/json.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecordSuffix = ".copy.json";
constexpr const char* kSubmodulesSuffix = ".submodules";
constexpr std::size_t kMaxRecordBytes = 64 * 1024;
constexpr std::size_t kMaxLookBytes = 1 << 20;
constexpr std::array<std::string_view, 5> kStates{"active", "idle", "broken", "removing", "removed"};

}  // namespace

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 150 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
}

std::string write_copy_record(const CopyRecord& record) {
  return json::write(json::Value::Object{
      {"version", 1},
      {"project", record.project},
      {"worktree", record.worktree},
      {"repository", record.repository},
      {"issue_id", record.issue_id},
      {"session_id", record.session_id},
      {"branch", record.branch},
      {"proposal", record.proposal},
      {"base_branch", record.base_branch},
      {"base_commit", record.base_commit},
      {"head", record.head},
      {"generation", static_cast<std::int64_t>(record.generation)},
      {"offer", static_cast<std::int64_t>(record.offer)},
      {"state", std::string(kStates[static_cast<std::size_t>(record.state)])},
      {"released_us", record.released_us},
      {"not_before_us", record.not_before_us},
      {"tries", static_cast<std::int64_t>(record.tries)},
  });
}

Result<CopyRecord> parse_copy_record(const std::string& text) {
  const auto value = json::parse(text);
  if (!value || value->integer_or("version", 0) != 1) return make_error(Code::corrupt, "it is no record of a working copy");
  CopyRecord record;
  record.project = value->text("project");
  record.worktree = value->text("worktree");
  record.repository = value->text("repository");
  record.issue_id = value->text("issue_id");
  record.session_id = value->text("session_id");
  record.branch = value->text("branch");
  record.proposal = value->text("proposal");
  record.base_branch = value->text("base_branch");
  record.base_commit = value->text("base_commit");
  record.head = value->text("head");
  record.generation = static_cast<std::uint64_t>(value->integer_or("generation", 0));
  record.offer = static_cast<std::uint32_t>(value->integer_or("offer", 0));
  record.released_us = value->integer_or("released_us", 0);
  record.not_before_us = value->integer_or("not_before_us", 0);
  record.tries = static_cast<std::uint32_t>(value->integer_or("tries", 0));
  const auto state = std::find(kStates.begin(), kStates.end(), value->text("state"));
  if (state == kStates.end() || !is_plain_name(record.project) || !is_plain_name(record.worktree) || !is_plain_name(record.repository))
    return make_error(Code::corrupt, "a record of a working copy names no place below the work root");
  record.state = static_cast<CopyRecord::State>(state - kStates.begin());
  return record;
}

void CopyFolder::Known::put(const std::string& path, const CopyRecord& record) {
  remove(path);
  of_state[record.state].insert(path);
  if (!record.issue_id.empty()) of_issue[record.issue_id].insert(path);
  records.emplace(path, record);
}

void CopyFolder::Known::remove(const std::string& path) {
  const auto known = records.find(path);
  if (known == records.end()) return;
  of_state[known->second.state].erase(path);
  if (const auto issue = of_issue.find(known->second.issue_id); issue != of_issue.end() && issue->second.erase(path) != 0 && issue->second.empty())
    of_issue.erase(issue);
  records.erase(known);
}

std::vector<CopyRecord> CopyFolder::Known::at(const std::set<std::string>& paths) const {
  std::vector<CopyRecord> found;
  found.reserve(paths.size());
  for (const std::string& path : paths) found.push_back(records.at(path));
  return found;
}

Result<CopyRecord> CopyFolder::read(const std::string& path) const {
  const fs::path place(path);
  TRY(const git::Folder folder, git::Folder::open(workdirs()));
  const std::string relative = place.parent_path().filename().string() + "/" + place.filename().string() + std::string(kRecordSuffix);
  TRY(const std::string text, folder.read_file(relative, kMaxRecordBytes));
  TRY(CopyRecord record, parse_copy_record(text));
  if (this->path(record) != path) return make_error(Code::corrupt, "the record beside " + path + " is of another working copy");
  return record;
}

CopyFolder::Known& CopyFolder::known_locked() const {
  if (known_) return *known_;
  known_.emplace();
  std::error_code failed;
  for (fs::directory_iterator project(workdirs(), failed), end; !failed && project != end; project.increment(failed)) {
    std::error_code unreadable;  // also of a file, and of a link, which is not entered
    if (project->is_symlink(unreadable)) continue;
    for (fs::directory_iterator file(project->path(), unreadable); !unreadable && file != end; file.increment(unreadable)) {
      const std::string name = file->path().string();
      if (name.size() <= kRecordSuffix.size() || name.compare(name.size() - kRecordSuffix.size(), kRecordSuffix.size(), kRecordSuffix) != 0) continue;
      const std::string path = name.substr(0, name.size() - kRecordSuffix.size());
      if (const auto record = read(path)) known_->put(path, *record);
    }
  }
  return *known_;
}

Result<CopyRecord> CopyFolder::load(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const Known& known = known_locked();
  const auto record = known.records.find(path);
  if (record == known.records.end()) return make_error(Code::not_found, "nothing is known of a working copy at " + path);
  return record->second;
}

Status CopyFolder::save(const CopyRecord& record) const {
  TRY_STATUS(check_project(record.project));
  const std::string file = path(record) + std::string(kRecordSuffix), making = file + ".making";
  std::error_code failed;
  fs::remove(making, failed);
  std::ofstream stream(making, std::ios::binary | std::ios::trunc);
  stream << write_copy_record(record) << '\n';
  stream.close();
  // Half a record never takes the place of a whole one.
  if (stream) fs::rename(making, file, failed);
  if (!stream || failed) return make_error(Code::io, "can't write " + file);
  remember(record);
  return {};
}

void CopyFolder::remember(const CopyRecord& record) const {
  const std::lock_guard lock(mutex_);
  known_locked().put(path(record), record);
}

void CopyFolder::forget(const CopyRecord& record) const {
  std::error_code ignored;
  if (check_project(record.project)) fs::remove(path(record) + std::string(kRecordSuffix), ignored);
  const std::lock_guard lock(mutex_);
  known_locked().remove(path(record));
}

std::vector<CopyRecord> CopyFolder::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<CopyRecord> records;
  for (const auto& [path, record] : known_locked().records) records.push_back(record);
  return records;
}

std::vector<CopyRecord> CopyFolder::in_states(const std::set<CopyRecord::State>& states) const {
  const std::lock_guard lock(mutex_);
  Known& known = known_locked();
  std::vector<CopyRecord> records;
  for (const CopyRecord::State state : states)
    for (CopyRecord& record : known.at(known.of_state[state])) records.push_back(std::move(record));
  return records;
}

std::vector<CopyRecord> CopyFolder::of_issue(const std::string& issue_id) const {
  const std::lock_guard lock(mutex_);
  const Known& known = known_locked();
  const auto paths = known.of_issue.find(issue_id);
  return paths == known.of_issue.end() ? std::vector<CopyRecord>() : known.at(paths->second);
}

std::size_t CopyFolder::count(CopyRecord::State state) const {
  const std::lock_guard lock(mutex_);
  return known_locked().of_state[state].size();
}

Status CopyFolder::remove_worktree(const CopyRecord& record) const {
  TRY(const git::Folder folder, git::Folder::open(workdirs()));
  for (const char* suffix : {".index.parent", ".index.lock", ".index", ""})
    TRY_STATUS(folder.remove_all(record.project + "/" + record.worktree + suffix));
  return {};
}

Status CopyFolder::remove_files_beside(const CopyRecord& record) const {
  TRY(const git::Folder folder, git::Folder::open(workdirs()));
  for (const char* suffix : {".diff", ".evidence", ".output", kSubmodulesSuffix, kScratchSuffix})
    TRY_STATUS(folder.remove_all(record.project + "/" + record.worktree + suffix));
  return {};
}

bool CopyFolder::is_half_made(const CopyRecord& record) const {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(scratch(record), ignored));
}

Status CopyFolder::remove_scratch(const CopyRecord& record) const {
  TRY(const git::Folder folder, git::Folder::open(workdirs()));
  return folder.remove_all(record.project + "/" + record.worktree + kScratchSuffix);
}

Status CopyFolder::write_look(const CopyRecord& record, const std::string& look) const {
  const std::string file = path(record) + kSubmodulesSuffix;
  std::error_code ignored;
  fs::remove(file, ignored);
  if (look.empty()) return {};
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << look;
  stream.close();
  if (!stream) return make_error(Code::io, "can't write " + file);
  return {};
}

std::string CopyFolder::read_look(const CopyRecord& record) const {
  const auto folder = git::Folder::open(workdirs());
  if (!folder) return "";
  return folder->read_file(record.project + "/" + record.worktree + kSubmodulesSuffix, kMaxLookBytes).value_or("");
}

Status CopyFolder::check_project(const std::string& project) const {
  TRY(const git::Folder folder, git::Folder::open(workdirs()));
  const auto found = folder.status(project);
  if (found && !S_ISDIR(found->st_mode)) return make_error(Code::forbidden, workdirs() + "/" + project + " is no folder of this worker's; remove it");
  return {};
}

}  // namespace dossier::worker
