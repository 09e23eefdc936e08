// Approvals in any order of commands: each is resolved exactly once, its agent is told only afterwards, and a command that comes
// again says nothing new. Commands decided on an old state are appended too, as in a system with several writers.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "events/codec.hpp"
#include "events/names.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/task.hpp"
#include "tests/support/office.hpp"

namespace dossier::producers::commands {
namespace {

using test::FoldedLog;
using test::Office;

constexpr int kSeeds = 150;
constexpr int kSteps = 60;

class Story {
 public:
  explicit Story(std::uint32_t seed) : random_(seed), busy_(office_.ask("busy")) {
    office_.offer(busy_);
    office_.claim(busy_);
    v1::ApprovalPolicy policy;
    policy.set_mode(v1::ApprovalPolicy::ON_REQUEST);
    auto& allow = *policy.add_rules();
    allow.set_name("status");
    allow.set_effect(v1::ApprovalRule::ALLOW);
    allow.add_command_prefix("status");
    office_.must(set_approval_policy({{}, policy, "tests"}), office_.owner, "policy");
  }

  void play() {
    for (int step = 0; step < kSteps; ++step) act();
    v1::Report done = report();
    done.mutable_run_completed();
    append(office_.log.decide(worker_report(done), office_.worker.str(), "done"), office_.worker.str(), "done");
    EXPECT_TRUE(ended_);
    for (const auto& [id, count] : resolved_) EXPECT_EQ(count, 1) << id;
    EXPECT_EQ(resolved_.size(), requested_.size()) << "the session's end leaves none open";
    for (const auto& [id, count] : requested_) EXPECT_EQ(count, 1) << id;
  }
  std::size_t asked() const { return requested_.size(); }
  int voided() const { return voided_; }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint32_t>(below)); }

  v1::Report report() const {
    v1::Report made;
    made.set_worker_id(office_.worker.str());
    made.mutable_fence()->set_task_id(busy_.task.str());
    made.mutable_fence()->set_offer(1);
    return made;
  }

  void act() {
    const std::string key = "step " + std::to_string(++keys_);
    switch (pick(8)) {
      case 0:
      case 1: {
        v1::Report asks = report();
        asks.mutable_approval_asked()->set_kind("command");
        asks.mutable_approval_asked()->mutable_command()->set_plain(pick(3) == 0 ? "status" : "make");
        asks.mutable_approval_asked()->set_provider_request(std::to_string(pick(6)));
        return commit(worker_report(asks), office_.worker.str(), key);
      }
      case 2: {
        v1::Report knows = report();
        knows.mutable_approval_answered()->set_request_id(any());
        knows.mutable_approval_answered()->set_how(pick(2) == 0 ? "answered" : pick(2) == 0 ? "quoted" : "withdrawn");
        return commit(worker_report(knows), office_.worker.str(), key);
      }
      case 3: {  // two people at once, on the same state
        const ApprovalId id(any());
        const auto one = resolve_approval({busy_.session, id, "accept", "", ""});
        const auto other = resolve_approval({busy_.session, id, "decline", "", ""});
        const auto first = office_.log.decide(one, office_.owner, key + " one");
        const auto second = office_.log.decide(other, office_.member, key + " other");
        append(first, office_.owner, key + " one");
        return append(second, office_.member, key + " other");
      }
      default: {
        static const char* const kWords[] = {"accept", "decline", "cancel", "accept_for_session"};
        return commit(resolve_approval({busy_.session, ApprovalId(any()), kWords[pick(4)], "", ""}), pick(2) == 0 ? office_.owner : office_.member,
                      key);
      }
    }
  }

  std::string any() {
    if (requested_.empty()) return "apr_" + std::string(32, '0');
    auto it = requested_.begin();
    std::advance(it, pick(static_cast<int>(requested_.size())));
    return it->first;
  }

  void commit(const Decide& decide, const std::string& actor, const std::string& key) {
    append(office_.log.decide(decide, actor, key), actor, key);
    const auto again = office_.log.decide(decide, actor, key + " again");
    // Asked again under the same name, it is another request once the first was delivered; nothing else says a thing twice.
    EXPECT_TRUE(!again || again->events.empty() || is_request(*again)) << key;
  }

  static bool is_request(const Decision& decision) {
    v1::EventPayload payload;
    return payload.ParseFromString(decision.events[0].payload()) && payload.session().has_approval_requested();
  }

  void append(const Result<Decision>& decision, const std::string& actor, const std::string& key) {
    if (!decision || decision->events.empty()) return;
    if (office_.log.append(*decision, actor, key).verdict != events::Verdict::accepted) {
      ++voided_;
      return;
    }
    for (const auto& event : decision->events) {
      v1::EventPayload payload;
      ASSERT_TRUE(payload.ParseFromString(event.payload()));
      const v1::SessionEvent& fact = payload.session();
      if (fact.has_approval_requested()) ++requested_[fact.approval_requested().request_id()];
      if (fact.has_approval_resolved()) {
        EXPECT_TRUE(requested_.contains(fact.approval_resolved().request_id()));
        ++resolved_[fact.approval_resolved().request_id()];
      }
      if (fact.has_approval_delivered()) {
        EXPECT_TRUE(resolved_.contains(fact.approval_delivered().request_id())) << "told before it was decided";
        EXPECT_EQ(++delivered_[fact.approval_delivered().request_id()], 1);
      }
      if (fact.has_session_ended()) ended_ = true;
      EXPECT_FALSE(ended_ && fact.has_approval_requested());
    }
  }

  std::mt19937 random_;
  Office office_;
  Office::Busy busy_;
  int keys_ = 0;
  int voided_ = 0;
  bool ended_ = false;
  std::map<std::string, int> requested_, resolved_, delivered_;
};

TEST(ApprovalOrder, ResolvesEachExactlyOnceWhateverComesFirst) {
  std::size_t asked = 0;
  int voided = 0;
  for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story story(seed);
    story.play();
    asked += story.asked();
    voided += story.voided();
  }
  EXPECT_GT(asked, 500u);
  EXPECT_GT(voided, 50) << "people must meet at the same approval";
}

}  // namespace
}  // namespace dossier::producers::commands
