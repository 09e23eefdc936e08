// Events and activity as text.
#include <array>

#include "app/cli/output.hpp"
#include "app/cli/watch.hpp"
#include "replay/text.hpp"

namespace dossier::cli {
namespace {

constexpr std::size_t kMaxLines = 200;
// Members of facts that hold what somebody wrote, and those that tell which thing is meant.
constexpr std::array kTexts = {"title", "body", "reason", "result", "error", "detail", "excerpt", "diff"};
constexpr std::array kNames = {"agent_name", "worker_id", "offer", "attempt", "outcome", "branch", "commit", "code", "from", "to", "status", "turn"};

std::string clock_of(const json::Value& object, std::string_view member) {
  const std::string time = cell(object, member);
  return time.size() > 22 ? time.substr(11, 12) : time;
}

}  // namespace

std::vector<json::Value> events_of_issue(const json::Value& commit, const std::string& issue) {
  std::vector<json::Value> found;
  const auto* events = commit.find("events");
  if (events == nullptr || events->array() == nullptr) return found;
  for (const auto& event : *events->array()) {
    if (event.text("issue_id") != issue || event.object() == nullptr) continue;
    json::Value::Object object;
    for (const char* member : {"seq", "time", "actor"})
      if (const auto* value = commit.find(member)) object.emplace_back(member, *value);
    object.insert(object.end(), event.object()->begin(), event.object()->end());
    found.emplace_back(std::move(object));
  }
  return found;
}

std::string event_text(const json::Value& event) {
  const auto* actor = event.find("actor");
  std::string out = cell(event, "seq") + "  " + clock_of(event, "time") + "  ";
  if (actor != nullptr) out += cell(*actor, "kind") + " " + replay::short_id(actor->text("id")) + ": ";
  out += cell(event, "type");
  const auto* data = event.find("data");
  if (data == nullptr) return out + "\n";
  std::string below;
  for (const char* name : kNames)
    if (const std::string value = cell(*data, name); !value.empty()) out += std::string("  ") + name + "=" + value;
  for (const char* name : kTexts)
    if (const std::string text = data->text(name); !text.empty()) replay::append_block(below, "    | ", text, kMaxLines);
  return out + "\n" + below;
}

std::string activity_text(const json::Value& item) {
  const auto* data = item.find("data");
  if (data == nullptr) return {};
  const std::string type = item.text("type");
  std::string who, what;
  if (type == "log_line") {
    who = cell(*data, "stream");
    what = data->text("text");
  } else if (type == "tool_use") {
    who = cell(*data, "tool");
    what = data->text("input");
  } else if (type == "tool_result") {
    who = "result";
    what = data->text("output");
  }
  if (who.empty() || who.ends_with("-raw")) return {};
  std::string out;
  replay::append_block(out, "    " + clock_of(item, "time") + "  [" + who + "] ", what, kMaxLines);
  return out;
}

}  // namespace dossier::cli
