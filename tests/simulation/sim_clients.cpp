// What people ask for, and what they make of the answers.
#include "tests/simulation/sim_clients.hpp"

#include <algorithm>

#include "events/names.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/session.hpp"
#include "producers/commands/task.hpp"

namespace dossier::simulation {

namespace commands = producers::commands;

namespace {

constexpr int kHelpersEach = 2;  // of a workspace

}  // namespace

SimClients::SimClients(const Clock& clock, Random& random, std::span<const FoundedWorkspace> places, const Plan& plan, SimErrands& errands,
                       OnAnswer on_answer)
    : clock_(clock),
      random_(random),
      places_(places),
      errands_(errands),
      on_answer_(std::move(on_answer)),
      left_(plan.requests),
      restless_(plan.restless),
      people_(static_cast<std::size_t>(plan.people)) {
  for (const FoundedWorkspace& place : places)
    for (int n = 0; n < kHelpersEach; ++n) {
      Person& person = people_.emplace_back();
      person.helps = &place;
      person.desk = &errands_.desk(place.id);
    }
}

void SimClients::step(SimServer& server) {
  for (std::size_t at = 0; at < people_.size(); ++at) {
    Person& person = people_[at];
    if (person.asked != nullptr || clock_.boot_us() < person.due_us) continue;
    if (person.request == nullptr && !think(person)) continue;
    return ask(at, server);
  }
}

bool SimClients::think(Person& person) {
  auto request = std::make_shared<Request>();
  if (person.helps != nullptr) {
    person.errand = errands_.take(*person.desk);
    if (!person.errand) return false;
    request->what = person.errand->what();
    begin(person, *person.helps, std::move(request), person.errand->command());
    return true;
  }
  if (left_ == 0) return false;
  --left_;
  const FoundedWorkspace& place = places_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(places_.size()) - 1))];
  request->commit = next_commit(place);
  producers::Decide decide = draw(place, request->commit, request->what);
  begin(person, place, std::move(request), std::move(decide));
  return true;
}

void SimClients::begin(Person& person, const FoundedWorkspace& place, std::shared_ptr<Request> request, producers::Decide decide) {
  if (request->commit.empty()) request->commit = next_commit(place);
  request->workspace = place.id;
  producers::Command command;
  command.decide = std::move(decide);
  command.context.workspace = place.id;
  command.context.commit_id = request->commit;
  command.context.actor.set_kind(v1::Actor::USER);
  command.context.actor.set_id(chance(random_, 0.5) ? place.user : place.colleague);
  command.context.fingerprint = std::string(crypto::view(crypto::sha256(request->what + std::to_string(made_))));
  command.context.seldom_repeated = chance(random_, 0.5);  // no look for an earlier commit: a repetition has to be void
  requests_.push_back(request);
  person.request = std::move(request);
  person.command = std::move(command);
}

CommitId SimClients::next_commit(const FoundedWorkspace& place) {
  return events::derive_commit_id(place.id, place.user, "simulated", std::to_string(++made_));
}

producers::Decide SimClients::draw(const FoundedWorkspace& place, const CommitId& commit, std::string& what) {
  std::vector<IssueId> here;
  for (const auto& [workspace, issue] : issues_)
    if (workspace == place.id) here.push_back(issue);
  const auto kind = between(random_, 0, 10);
  if (here.empty() || kind == 0) {
    what = "open issue";
    issues_.emplace_back(place.id, events::derive_id<IssueId>(commit));
    return commands::open_issue({.title = "simulated", .body = "- [ ] one", .project = place.project});
  }
  // Who said something more often wants it heard at once.
  if (just_said_ && just_said_->first == place.id && chance(random_, 0.6)) {
    what = "steer";
    const SessionId session = std::exchange(just_said_, std::nullopt)->second;
    return commands::steer_follow_up(session, follow_ups_.at(session));
  }
  const IssueId issue = here[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(here.size()) - 1))];
  std::vector<SessionId> sessions;
  for (const auto& [workspace, session] : sessions_)
    if (workspace == place.id) sessions.push_back(session);
  if (!sessions.empty() && (kind == 8 || kind == 9 || (restless_ && kind <= 3))) {
    const auto any = static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(sessions.size()) - 1));  // it may have ended
    return say(place, chance(random_, 0.5) ? sessions.back() : sessions[any], commit, what);
  }
  if (kind <= 3) {
    what = "comment";
    return commands::add_comment({issue, "a word"});
  }
  if (kind <= 6) {
    what = "ask agent";
    tasks_.emplace_back(place.id, events::derive_id<TaskId>(commit));
    sessions_.emplace_back(place.id, events::derive_id<SessionId>(commit));
    return commands::add_comment({issue, "@fixer please"});
  }
  std::vector<TaskId> asked;
  for (const auto& [workspace, task] : tasks_)
    if (workspace == place.id) asked.push_back(task);
  if (kind == 7 && !asked.empty()) {
    what = "cancel";
    return commands::cancel_task(asked[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(asked.size()) - 1))],
                                 "changed my mind");
  }
  what = "edit";
  const auto status = static_cast<v1::IssueStatus>(between(random_, 1, 4));
  return commands::edit_issue({issue, {.title = {}, .body = {}, .status = status}, {}});
}

// Something about what is said to a session: some of it was delivered, or was never there.
producers::Decide SimClients::say(const FoundedWorkspace& place, const SessionId& session, const CommitId& commit, std::string& what) {
  const auto known = follow_ups_.find(session);
  const auto kind = known == follow_ups_.end() ? 0 : between(random_, 0, 5);
  if (kind == 0) {
    what = "follow up";
    follow_ups_[session] = events::derive_id<FollowUpId>(commit);
    just_said_ = {place.id, session};
    return commands::add_follow_up(session, "one more thing");
  }
  if (kind == 1) {
    what = "edit follow-up";
    return commands::edit_follow_up(session, known->second, "another thing");
  }
  if (kind == 2) {
    what = "take back";
    return commands::remove_follow_up(session, known->second);
  }
  what = "steer";
  return commands::steer_follow_up(session, known->second);
}

void SimClients::ask(std::size_t at, SimServer& server) {
  Person& person = people_[at];
  person.asked = &server;
  person.question = ++questions_;
  server.runner().run(person.command, [this, alive = alive_, at, question = person.question](Result<producers::Committed> answer) {
    if (*alive) answered(at, question, std::move(answer));
  });
}

void SimClients::answered(std::size_t at, std::uint64_t question, Result<producers::Committed> answer) {
  Person& person = people_[at];
  if (person.question != question) return;  // this person had given that server up
  person.asked = nullptr;
  Request& request = *person.request;
  if (request.asked_again && (answer || !is_transient(answer.error().code))) {
    on_answer_(request, answer);
    return finish(person);
  }
  if (answer) {
    request.unchanged = answer->commit.offset < 0 && !answer->repeated;
    request.accepted = !request.unchanged;
    request.seq = answer->commit.seq;
  } else if (is_transient(answer.error().code)) {
    const Code code = answer.error().code;
    request.ever_open = request.ever_open || code == Code::undecided || code == Code::unacknowledged;
    person.due_us = clock_.boot_us() + between(random_, 10'000, 1'000'000);
    return;  // once more, under the same key
  } else {
    request.refused = true;
    request.refusal = answer.error().code;
  }
  on_answer_(request, answer);
  // Somebody whose connection broke behind the answer asks once more.
  if (request.accepted && !request.asked_again && chance(random_, 0.1)) {
    request.asked_again = true;
    person.due_us = clock_.boot_us() + between(random_, 0, 2'000'000);
    return;
  }
  finish(person);
}

void SimClients::finish(Person& person) {
  person.request.reset();
  person.due_us = person.helps == nullptr ? clock_.boot_us() + between(random_, 0, 2'000'000) : 0;
  if (const auto errand = std::exchange(person.errand, std::nullopt)) errands_.answered(*errand);
}

void SimClients::lost(const SimServer& server) {
  for (auto& person : people_) {
    if (person.asked != &server) continue;
    person.asked = nullptr;
    person.question = 0;
    person.request->ever_open = true;
    person.due_us = clock_.boot_us() + between(random_, 1'000, 500'000);
  }
}

bool SimClients::done(const std::set<std::string>& but_for) const {
  return std::all_of(people_.begin(), people_.end(), [&](const Person& person) {
    if (person.request != nullptr) return but_for.contains(person.request->workspace.str());
    return person.helps != nullptr || left_ == 0;
  });
}

std::int64_t SimClients::due_us() const {
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t due = kNever;
  for (const auto& person : people_) {
    if (person.asked != nullptr) continue;
    if (person.request == nullptr && person.helps != nullptr)
      due = std::min(due, person.desk->empty() ? kNever : std::max(person.due_us, person.desk->begin()->first));
    else if (person.request != nullptr || left_ > 0)
      due = std::min(due, person.due_us);
  }
  return due;
}

}  // namespace dossier::simulation
