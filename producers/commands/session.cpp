// Decisions on sessions.
#include "producers/commands/session.hpp"

#include "events/names.hpp"
#include "events/session.hpp"
#include "events/task.hpp"
#include "producers/commands/task.hpp"

namespace dossier::producers::commands {
namespace {

using SessionEvents = std::vector<v1::SessionEvent>;

// A member's command which yields events of the session's own stream.
Decide on_session(SessionId id, std::function<Result<SessionEvents>(const v1::SessionState&, const CommandContext&)> decide) {
  return [id = std::move(id), decide = std::move(decide)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::session_stream(id);
    TRY_STATUS(snapshot.load(context.workspace, {events::members_stream(context.workspace), stream}));
    TRY_STATUS(require_member(decision, v1::MEMBER));
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    TRY(const SessionEvents decided, decide(session, context));
    for (const v1::SessionEvent& event : decided) decision.add(stream, session.issue_id(), event);
    return decision.finish();
  };
}

SessionEvents list(std::optional<v1::SessionEvent> event) {
  SessionEvents events;
  if (event) events.push_back(*std::move(event));
  return events;
}

v1::FollowUpQueued queued(const CommitId& commit, const std::string& comment, const std::string& body) {
  v1::FollowUpQueued fact;
  fact.set_follow_up_id(events::derive_id<FollowUpId>(commit).str());
  fact.set_comment_id(comment);
  fact.mutable_body()->set_plain(body);
  return fact;
}

}  // namespace

Decide add_follow_up(SessionId session, std::string body) {
  return on_session(std::move(session),
                    [body = std::move(body)](const v1::SessionState& state, const CommandContext& context) -> Result<SessionEvents> {
                      TRY(auto event, events::queue_follow_up(state, queued(context.commit_id, {}, body)));
                      return SessionEvents{std::move(event)};
                    });
}

Decide edit_follow_up(SessionId session, FollowUpId follow_up, std::string body) {
  return on_session(std::move(session), [=](const v1::SessionState& state, const CommandContext&) -> Result<SessionEvents> {
    v1::Text text;
    text.set_plain(body);
    TRY(auto event, events::edit_follow_up(state, follow_up.str(), text));
    return list(std::move(event));
  });
}

Decide remove_follow_up(SessionId session, FollowUpId follow_up) {
  return on_session(std::move(session), [=](const v1::SessionState& state, const CommandContext&) -> Result<SessionEvents> {
    TRY(auto event, events::remove_follow_up(state, follow_up.str()));
    return SessionEvents{std::move(event)};
  });
}

Decide steer_follow_up(SessionId session, FollowUpId follow_up) {
  return on_session(std::move(session), [=](const v1::SessionState& state, const CommandContext&) -> Result<SessionEvents> {
    TRY(auto event, events::request_steer(state, follow_up.str()));
    return list(std::move(event));
  });
}

Decide stop_session(SessionId session, std::string reason) {
  return [session = std::move(session), reason = std::move(reason)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::MEMBER));
    TRY(const auto loaded, decision.load<v1::SessionState>(events::session_stream(session)));
    const v1::SessionState& state = loaded.state;
    if (state.session_id().empty()) return make_error(Code::not_found, "no such session");
    if (state.task_id().empty())
      return make_error(Code::conflict,
                        "this session is of an older server, which did not note its task there: cancel the task (its id is in the "
                        "session's document)");
    // Which task is the session's never changes, so only the task's own state is relied on.
    return cancel_task(TaskId(state.task_id()), reason)(snapshot, context);
  };
}

Status queue_comment(DecisionBuilder& decision, const v1::SessionState& session, const std::string& comment, const std::string& body) {
  TRY(const auto event, events::queue_follow_up(session, queued(decision.context().commit_id, comment, body)));
  decision.add(events::session_stream(SessionId(session.session_id())), session.issue_id(), event);
  return {};
}

Status add_turn_end(DecisionBuilder& decision, const v1::SessionState& session, const v1::TurnCompleted& turn) {
  const std::string stream = events::session_stream(SessionId(session.session_id()));
  TRY(const auto ended, events::end_turn(session, turn));
  if (!ended.has_value()) return {};  // said before: what was delivered then is in the state
  decision.add(stream, session.issue_id(), *ended);
  for (const v1::SessionEvent& event : events::deliver_follow_ups(session, turn.turn() + 1)) decision.add(stream, session.issue_id(), event);
  return {};
}

}  // namespace dossier::producers::commands
