// The words of a prompt that goes on.
#include "worker/resume.hpp"

#include <string_view>

namespace dossier::worker {
namespace {

// Every line of it set in, so that it stands apart whatever it holds.
std::string set_in(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.append("    ").append(text.substr(0, end)).append("\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string action_of(const v1::ApprovalRequested& request) {
  std::string text;
  if (request.kind() == "command") {
    text = "run\n\n" + set_in(request.command().plain());
  } else if (request.kind() == "file_change") {
    text = "make this change\n\n" + set_in(request.patch().plain());
  } else if (request.kind() == "user_input") {
    text = "ask\n\n" + set_in(request.detail().plain());
  } else if (request.kind() == "permissions") {
    text = "have these permissions\n\n" + set_in(request.detail().plain());
  } else {
    text = "use a tool\n\n" + set_in(request.command().plain() + "\n" + request.detail().plain());
  }
  if (!request.cwd().empty() && request.cwd() != ".") text += "\nin the folder " + request.cwd() + "\n";
  for (const std::string& path : request.paths()) text += "- " + path + "\n";
  return text;
}

std::string quote(const v1::PendingApproval& approval) {
  const v1::ApprovalResolved& resolved = approval.resolved();
  const bool is_question = approval.request().kind() == "user_input";
  const bool accepted = resolved.decision() == "accept" || resolved.decision() == "accept_for_session";
  std::string text = accepted ? (is_question ? "answered: you wanted to " : "approved: ") : "declined: you wanted to ";
  text += action_of(approval.request());
  if (accepted && is_question) text += "\nThe answer:\n\n" + set_in(resolved.answer().plain());
  if (accepted && !is_question) text += "\nDo it now, exactly as it stands there; it will not be asked about again.\n";
  if (!accepted) text += resolved.decision() == "cancel" ? "\nDo not do it, and stop there.\n" : "\nDo not do it; go on without it.\n";
  if (!resolved.reason().plain().empty()) text += "The reason given: " + resolved.reason().plain() + "\n";
  return text;
}

std::string quotes(const std::vector<v1::PendingApproval>& approvals) {
  std::string text = "You had asked for something, and were interrupted before you could hear the answer. It is:\n";
  for (const auto& approval : approvals) {
    const std::string one = quote(approval);
    if (text.size() + one.size() <= kMaxQuotes)
      text += "\n" + one;
    else
      text += "\nthere was more (" + approval.request().kind() + "), which is too long for this message: ask for it again.\n";
  }
  return text;
}

}  // namespace

std::string joined_inputs(const std::vector<v1::TurnInput>& inputs) {
  std::string text;
  for (const auto& input : inputs) {
    if (!text.empty()) text += "\n\n";
    text += input.body().plain();
  }
  return text;
}

std::string first_prompt(const FirstPrompt& facts) {
  const std::string asked = facts.inputs.empty() ? facts.task_prompt : joined_inputs(facts.inputs);
  std::string text;
  if (facts.broke_off || !facts.quotes.empty()) {
    text = "This goes on from a turn that was interrupted before it ended. Some of its work may be done: look at what is there first.\n\n";
    if (!facts.remembers && !facts.inputs.empty()) text += "The task is:\n\n" + facts.task_prompt + "\n\n";
    text += "What was asked:\n\n" + asked + "\n";
  } else {
    if (facts.continues && !facts.remembers) text = "This goes on from earlier work on the same issue, of which you have no memory here.\n\n";
    text += asked;
  }
  if (!facts.quotes.empty()) text += "\n" + quotes(facts.quotes);
  return text;
}

}  // namespace dossier::worker
