// What a person reads of Codex's items.
#include "worker/agents/codex_session.hpp"

namespace dossier::worker::codex {

std::string change_text(const json::Value& file_change) {
  std::string text;
  const json::Value* changes = file_change.find("changes");
  if (changes == nullptr || changes->array() == nullptr) return text;
  for (const auto& change : *changes->array()) {
    const json::Value* kind = change.find("kind");
    text += (kind == nullptr ? std::string("change") : kind->text("type", "change")) + " " + change.text("path") + "\n";
    const std::string diff = change.text("diff");
    text += diff;
    if (!diff.empty() && diff.back() != '\n') text += '\n';
  }
  return text;
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
