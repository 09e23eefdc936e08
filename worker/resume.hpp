// What an agent is told first: the task as it is, or where an earlier turn broke off, what was asked then and what was
// decided since. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "dossier/v1/worker.pb.h"

namespace dossier::worker {

struct FirstPrompt {
  std::string task_prompt;
  std::vector<v1::TurnInput> inputs;        // of the turn that broke off; empty: it was the task's prompt
  bool broke_off = false;                   // a turn of the session began before and did not end
  bool continues = false;                   // the session goes on from an earlier one
  bool remembers = false;                   // the agent has its own memory of what was before
  std::vector<v1::PendingApproval> quotes;  // decided, and the agent does not know it
};

inline constexpr std::size_t kMaxQuotes = 256 * 1024;  // all of them; what has no room is named by its kind only

std::string first_prompt(const FirstPrompt& facts);
// Follow-ups as one text, an empty line between them.
std::string joined_inputs(const std::vector<v1::TurnInput>& inputs);

}  // namespace dossier::worker
