// People: each has one request under way, sends it again under the same key while the answer is not final, and remembers
// what it was told. The checkers hold the log against that. Some want things of their own, until their requests are used up;
// two in each workspace do what there is to do (sim_errands.hpp), as long as there is something.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "producers/command_runner.hpp"
#include "tests/simulation/founding.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/simulation/sim_errands.hpp"
#include "tests/simulation/sim_server.hpp"

namespace dossier::simulation {

// One request and all that was said about it.
struct Request {
  std::string what;
  CommitId commit;
  WorkspaceId workspace;
  bool accepted = false;
  std::uint64_t seq = 0;   // accepted
  bool unchanged = false;  // answered without a commit
  bool refused = false;    // a final answer that nothing was done
  Code refusal = Code::internal;
  bool asked_again = false;  // after its acceptance: the answer must be the same
  bool ever_open = false;    // some answer on the way said "open" or "undecided"
};

class SimClients {
 public:
  // Called with every final answer, at once.
  using OnAnswer = std::function<void(const Request&, const Result<producers::Committed>&)>;
  SimClients(const Clock& clock, Random& random, std::span<const FoundedWorkspace> places, const Plan& plan, SimErrands& errands, OnAnswer on_answer);

  // Whoever is due sends, or sends again, to `server`.
  void step(SimServer& server);
  // The server is gone: what it was asked is asked again elsewhere.
  void lost(const SimServer& server);
  // Everybody has a final answer, but for those who wait for one of these workspaces.
  bool done(const std::set<std::string>& but_for) const;
  std::int64_t due_us() const;
  const std::vector<std::shared_ptr<Request>>& requests() const { return requests_; }

 private:
  struct Person {
    const FoundedWorkspace* helps = nullptr;  // does errands there; none: wants things of his own
    SimErrands::Desk* desk = nullptr;
    std::optional<Errand> errand;
    std::shared_ptr<Request> request;
    producers::Command command;
    const SimServer* asked = nullptr;  // waits for its answer
    std::uint64_t question = 0;        // answers to older ones are ignored
    std::int64_t due_us = 0;
  };
  // False: there is nothing to do.
  bool think(Person& person);
  void begin(Person& person, const FoundedWorkspace& place, std::shared_ptr<Request> request, producers::Decide decide);
  void finish(Person& person);
  CommitId next_commit(const FoundedWorkspace& place);
  void ask(std::size_t person, SimServer& server);
  void answered(std::size_t person, std::uint64_t question, Result<producers::Committed> answer);
  producers::Decide say(const FoundedWorkspace& place, const SessionId& session, const CommitId& commit, std::string& what);
  producers::Decide draw(const FoundedWorkspace& place, const CommitId& commit, std::string& what);

  const Clock& clock_;
  Random& random_;
  std::span<const FoundedWorkspace> places_;
  SimErrands& errands_;
  OnAnswer on_answer_;
  int left_;
  bool restless_;
  int made_ = 0;
  std::uint64_t questions_ = 0;
  std::vector<Person> people_;
  std::vector<std::shared_ptr<Request>> requests_;
  std::vector<std::pair<WorkspaceId, IssueId>> issues_;
  std::vector<std::pair<WorkspaceId, TaskId>> tasks_;
  std::vector<std::pair<WorkspaceId, SessionId>> sessions_;
  std::map<SessionId, FollowUpId> follow_ups_;                  // the last of each session
  std::optional<std::pair<WorkspaceId, SessionId>> just_said_;  // a follow-up that nobody has tried to steer yet
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dossier::simulation
