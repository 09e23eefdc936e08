// What Codex asks for, as approvals; and the answers, each in the form that its request expects. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "worker/agents/agent.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/agents/codex_items.hpp"
#include "worker/agents/codex_methods.hpp"
#include "worker/agents/codex_version.hpp"

namespace dossier::worker::codex {

inline constexpr std::size_t kMaxDetail = 64 * 1024;  // bytes of AgentApproval::detail; a longer one is left out, and says so

enum class Decision : std::uint8_t { accept, accept_for_session, decline, cancel };
std::optional<Decision> decision_of(std::string_view name);
const char* name_of(Decision decision);

// The name of a request of the server: its id as JSON. Unique for one process.
std::string request_name(const json::Value& id);
// nullopt: nobody can be asked this; refusal_line() answers it. `items` know the patch of a file change. Two different
// actions differ in command or patch, never in detail alone.
std::optional<AgentApproval> approval_of(const Frame& request, const Items& items, std::string_view worktree);
// One line. `answer` (user_input, accepted): a JSON object, the question's id or words → list of answers; what it lacks
// stays unanswered. `reason` reaches the model where the protocol has a place for it.
std::string answer_line(const Frame& request, Decision decision, std::string_view reason, std::string_view answer,
                        const std::optional<Version>& version);
// A refusal in the form which the request expects, or an error where we don't know it. The turn goes on; the model is told.
std::string refusal_line(const Frame& request, const std::optional<Version>& version);

}  // namespace dossier::worker::codex
