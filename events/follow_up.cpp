// Follow-ups: evolve and decide.
#include "events/follow_up.hpp"

#include <algorithm>
#include <string>

namespace dossier::events {
namespace {

using State = v1::SessionState;
constexpr std::size_t kHeldOverhead = 128;  // ids and framing of one

std::size_t size_of(const v1::Text& body) { return body.form_case() == v1::Text::kSealed ? body.sealed().ciphertext().size() : body.plain().size(); }

template <class List>
auto find(List& list, std::string_view id) {
  return std::find_if(list.begin(), list.end(), [&](const v1::FollowUpState& one) { return one.follow_up_id() == id; });
}

std::size_t held_bytes(const State& state) {
  std::size_t bytes = 0;
  for (const auto* list : {&state.waiting(), &state.inputs()})
    for (const v1::FollowUpState& one : *list) bytes += size_of(one.body()) + kHeldOverhead;
  return bytes;
}

Status require_open(const State& state) {
  if (state.session_id().empty()) return make_error(Code::not_found, "no such session");
  if (state.status() == State::ENDED) return make_error(Code::terminal_state, "the session has ended");
  return {};
}

Status check_body(const v1::Text& body) {
  if (size_of(body) == 0) return make_error(Code::invalid_field, "must not be empty", "body");
  if (size_of(body) > kMaxFollowUpBytes)
    return make_error(Code::invalid_field,
                      "is longer than the " + std::to_string(kMaxFollowUpBytes) +
                          " bytes that a session at work takes at once: shorten it, or wait until the session has ended",
                      "body");
  return {};
}

Status check_room(const State& state, std::size_t more, std::size_t less = 0) {
  if (held_bytes(state) - less + more + kHeldOverhead > kMaxHeldFollowUpBytes)
    return make_error(Code::follow_ups_full, "the follow-ups of this session hold all of the " + std::to_string(kMaxHeldFollowUpBytes) +
                                                 " bytes that they may: wait until its turn has ended, or remove some");
  return {};
}

Result<const v1::FollowUpState*> require_waiting(const State& state, std::string_view id) {
  TRY_STATUS(require_open(state));
  const auto waiting = find(state.waiting(), id);
  if (waiting != state.waiting().end()) return &*waiting;
  if (find(state.inputs(), id) != state.inputs().end())
    return make_error(Code::terminal_state, "this follow-up went into turn " + std::to_string(state.inputs_turn()) + " already");
  return make_error(Code::not_found, "no such follow-up waits in this session: it was removed, or a turn took it");
}

// What is being steered may have been read by the agent, whatever becomes of it here.
Status require_still(const v1::FollowUpState& waiting) {
  if (!waiting.steer()) return {};
  return make_error(Code::conflict, "this follow-up is on its way into the present turn: add another one");
}

void deliver(State& state, const v1::FollowUpDelivered& fact) {
  const auto waiting = find(state.waiting(), fact.follow_up_id());
  if (waiting == state.waiting().end()) return;
  if (!fact.steered() && fact.turn() != state.inputs_turn()) {
    state.clear_inputs();
    state.set_inputs_turn(fact.turn());
  }
  v1::FollowUpState& input = *state.add_inputs();
  input = *waiting;
  input.set_steer(fact.steered());
  state.mutable_waiting()->erase(waiting);
}

}  // namespace

bool evolve_follow_ups(State& state, const v1::SessionEvent& event) {
  if (event.has_follow_up_queued()) {
    v1::FollowUpState& one = *state.add_waiting();
    one.set_follow_up_id(event.follow_up_queued().follow_up_id());
    one.set_comment_id(event.follow_up_queued().comment_id());
    *one.mutable_body() = event.follow_up_queued().body();
    return true;
  }
  if (event.has_follow_up_edited()) {
    const auto one = find(*state.mutable_waiting(), event.follow_up_edited().follow_up_id());
    if (one != state.mutable_waiting()->end()) *one->mutable_body() = event.follow_up_edited().body();
    return true;
  }
  if (event.has_follow_up_removed()) {
    const auto one = find(state.waiting(), event.follow_up_removed().follow_up_id());
    if (one != state.waiting().end()) state.mutable_waiting()->erase(one);
    return true;
  }
  if (event.has_follow_up_steer_requested()) {
    const auto one = find(*state.mutable_waiting(), event.follow_up_steer_requested().follow_up_id());
    if (one != state.mutable_waiting()->end()) one->set_steer(true);
    return true;
  }
  if (event.has_follow_up_delivered()) {
    deliver(state, event.follow_up_delivered());
    return true;
  }
  return false;
}

Result<v1::SessionEvent> queue_follow_up(const State& state, const v1::FollowUpQueued& queued) {
  TRY_STATUS(require_open(state));
  TRY_STATUS(check_body(queued.body()));
  if (state.waiting_size() >= kMaxWaitingFollowUps)
    return make_error(Code::follow_ups_full, std::to_string(kMaxWaitingFollowUps) +
                                                 " follow-ups wait for this session's next turn, and no more may: wait until its turn has ended, or "
                                                 "remove one");
  TRY_STATUS(check_room(state, size_of(queued.body())));
  v1::SessionEvent event;
  *event.mutable_follow_up_queued() = queued;
  return event;
}

Result<std::optional<v1::SessionEvent>> edit_follow_up(const State& state, std::string_view id, const v1::Text& body) {
  TRY(const v1::FollowUpState* const waiting, require_waiting(state, id));
  TRY_STATUS(check_body(body));
  if (waiting->body().SerializeAsString() == body.SerializeAsString()) return std::optional<v1::SessionEvent>{};
  TRY_STATUS(require_still(*waiting));
  TRY_STATUS(check_room(state, size_of(body), size_of(waiting->body()) + kHeldOverhead));
  v1::SessionEvent event;
  event.mutable_follow_up_edited()->set_follow_up_id(std::string(id));
  *event.mutable_follow_up_edited()->mutable_body() = body;
  return std::optional(std::move(event));
}

Result<v1::SessionEvent> remove_follow_up(const State& state, std::string_view id) {
  TRY(const v1::FollowUpState* const waiting, require_waiting(state, id));
  TRY_STATUS(require_still(*waiting));
  v1::SessionEvent event;
  event.mutable_follow_up_removed()->set_follow_up_id(std::string(id));
  return event;
}

Result<std::optional<v1::SessionEvent>> request_steer(const State& state, std::string_view id) {
  TRY(const v1::FollowUpState* const waiting, require_waiting(state, id));
  if (waiting->steer()) return std::optional<v1::SessionEvent>{};
  v1::SessionEvent event;
  event.mutable_follow_up_steer_requested()->set_follow_up_id(std::string(id));
  return std::optional(std::move(event));
}

Result<std::optional<v1::SessionEvent>> steered(const State& state, const v1::FollowUpDelivered& delivered) {
  TRY_STATUS(require_open(state));
  if (find(state.waiting(), delivered.follow_up_id()) == state.waiting().end()) {
    if (find(state.inputs(), delivered.follow_up_id()) != state.inputs().end()) return std::optional<v1::SessionEvent>{};
    return make_error(Code::not_found, "no such follow-up waits in this session");
  }
  v1::SessionEvent event;
  *event.mutable_follow_up_delivered() = delivered;
  event.mutable_follow_up_delivered()->set_steered(true);
  return std::optional(std::move(event));
}

std::vector<v1::SessionEvent> deliver_follow_ups(const State& state, std::uint32_t turn) {
  std::vector<v1::SessionEvent> events;
  for (const v1::FollowUpState& waiting : state.waiting()) {
    v1::FollowUpDelivered& fact = *events.emplace_back().mutable_follow_up_delivered();
    fact.set_follow_up_id(waiting.follow_up_id());
    fact.set_turn(turn);
  }
  return events;
}

FollowUps untold_follow_ups(const State& state) {
  FollowUps untold;
  if (state.inputs_turn() > state.turns()) untold.assign(state.inputs().begin(), state.inputs().end());
  untold.insert(untold.end(), state.waiting().begin(), state.waiting().end());
  return untold;
}

Result<TurnAnswer> answer_to_turn(const State& state, std::uint32_t ended_turn) {
  if (state.status() == State::ENDED || state.turns() > ended_turn) return TurnAnswer{};
  if (state.turns() < ended_turn || state.turn_open())
    return make_error(Code::projection_behind, "the session's state does not show yet that turn " + std::to_string(ended_turn) + " ended");
  if (state.inputs_turn() <= ended_turn || state.inputs().empty()) return TurnAnswer{TurnAnswer::Kind::finish, ended_turn, {}};
  return TurnAnswer{TurnAnswer::Kind::next_turn, state.inputs_turn(), {state.inputs().begin(), state.inputs().end()}};
}

}  // namespace dossier::events
