// What a person reads of Codex's items.
#include "worker/agents/codex_texts.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/agents/worktree_path.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::codex {
namespace {

struct Change {
  std::string path;
  std::string type;       // add, delete, update
  std::string move_path;  // update: its new name, if it gets one
  std::string body;       // add and delete: the whole content; update: hunks
};

std::size_t lines_of(std::string_view text) {
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return ends + (text.empty() || text.back() == '\n' ? 0 : 1);
}

// Every line with a sign before it.
void append_signed(std::string& into, std::string_view text, char sign) {
  const bool ends = text.empty() || text.back() == '\n';
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    into += sign;
    into += text.substr(0, end);
    into += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!ends) into += "\\ No newline at end of file\n";
}

void append_change(std::string& into, const Change& change) {
  const bool adds = change.type == "add";
  const bool deletes = change.type == "delete";
  into += adds ? "--- /dev/null\n" : "--- a/" + change.path + "\n";
  into += deletes ? "+++ /dev/null\n" : "+++ b/" + (change.move_path.empty() ? change.path : change.move_path) + "\n";
  if (adds || deletes) {
    const std::string count = std::to_string(lines_of(change.body));
    if (!change.body.empty()) into += adds ? "@@ -0,0 +1," + count + " @@\n" : "@@ -1," + count + " +0,0 @@\n";
    append_signed(into, change.body, adds ? '+' : '-');
    return;
  }
  into += change.body;
  if (!change.body.empty() && change.body.back() != '\n') into += '\n';
}

Patch patch_of(std::vector<Change> changes, std::string_view worktree) {
  Patch patch;
  const auto add_path = [&](const std::string& path) {
    if (path.empty() || patch.paths.size() >= kMaxPatchPaths) return;
    if (std::find(patch.paths.begin(), patch.paths.end(), path) == patch.paths.end()) patch.paths.push_back(path);
  };
  for (auto& change : changes) {
    change.path = clean_text(path_in_worktree(change.path, worktree));
    change.move_path = clean_text(path_in_worktree(change.move_path, worktree));
    append_change(patch.text, change);
    add_path(change.path);
    add_path(change.move_path);
  }
  patch.text = clean_text(patch.text);
  if (patch.text.size() > kMaxPatch) {
    const std::string whole = to_hex(crypto::view(crypto::sha256(patch.text)));
    patch.text = clean_text(patch.text, kMaxPatch) + "\n(cut; the SHA-256 of the whole is " + whole + ")\n";
  }
  return patch;
}

}  // namespace

Patch patch_of_item(const json::Value& file_change, std::string_view worktree) {
  std::vector<Change> changes;
  if (const auto* list = member(file_change, "changes").array())
    for (const auto& change : *list) {
      const json::Value& kind = member(change, "kind");
      changes.push_back({change.text("path"), kind.text("type", "update"), kind.text("move_path"), change.text("diff")});
    }
  return patch_of(std::move(changes), worktree);
}

Patch patch_of_legacy(const json::Value& params, std::string_view worktree) {
  std::vector<Change> changes;
  if (const auto* files = member(params, "fileChanges").object())
    for (const auto& [path, change] : *files)
      changes.push_back({path, change.text("type", "update"), change.text("move_path"), change.text("unified_diff", change.text("content"))});
  return patch_of(std::move(changes), worktree);
}

std::string command_line(const json::Value& words) {
  if (words.string() != nullptr) return *words.string();
  std::string line;
  if (words.array() == nullptr) return line;
  for (const auto& word : *words.array()) {
    const std::string text = word.string() == nullptr ? json::write(word) : *word.string();
    if (!line.empty()) line += ' ';
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@%+";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) {
      line += text;
      continue;
    }
    line += '\'';
    for (const char byte : text) byte == '\'' ? line += "'\\''" : line += byte;
    line += '\'';
  }
  return line;
}

std::string plan_text(const json::Value& plan) {
  std::string text = plan.text("explanation");
  if (!text.empty()) text += '\n';
  const json::Value* steps = plan.find("plan");
  if (steps == nullptr || steps->array() == nullptr) return text;
  for (const auto& step : *steps->array()) {
    const std::string status = step.text("status");
    text += status == "completed" ? "[x] " : status == "inProgress" ? "[>] " : "[ ] ";
    text += step.text("step") + "\n";
  }
  return text;
}

std::string joined_text(const json::Value* parts) {
  std::string text;
  if (parts == nullptr || parts->array() == nullptr) return text;
  for (const auto& part : *parts->array()) {
    if (!text.empty()) text += '\n';
    text += part.string() != nullptr ? *part.string() : part.text("text");
  }
  return text;
}

std::string failure_text(const json::Value& error) {
  std::string text = error.text("message", "the turn failed");
  const std::string info = error.text("codexErrorInfo");
  if (!info.empty()) text += " (" + info + ")";
  const std::string details = error.text("additionalDetails");
  if (!details.empty()) text += "\n" + details;
  return text;
}

bool is_transient_failure(const json::Value& error) {
  const json::Value* info = error.find("codexErrorInfo");
  if (info == nullptr) return false;
  if (info->object() != nullptr) return true;  // {httpConnectionFailed|responseStreamDisconnected|…: {httpStatusCode}}
  const std::string name = info->string() == nullptr ? "" : *info->string();
  return name == "internalServerError" || name == "serverOverloaded" || name == "rateLimitExceeded";
}

}  // namespace dossier::worker::codex
