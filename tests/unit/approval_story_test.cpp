// What an auditor reads about approvals: who asked for what, who decided, and that the agent heard of it.
#include <gtest/gtest.h>

#include "events/codec.hpp"
#include "replay/story.hpp"

namespace dossier::replay {
namespace {

template <class Fill>
Told told(Fill fill) {
  Entry entry;
  fill(*entry.payload.mutable_session());
  entry.event = events::make_event("session/ses_" + std::string(32, 'a'), "iss_1", entry.payload);
  return tell(entry, "| ");
}

TEST(ApprovalStory, SaysWhatTheAgentAskedForWhereAndWhy) {
  const Told asked = told([](v1::SessionEvent& event) {
    auto& fact = *event.mutable_approval_requested();
    fact.set_request_id("apr_" + std::string(32, '1'));
    fact.set_kind("command");
    fact.mutable_command()->set_plain("rm -rf build\nmake\x1b[2J");
    fact.set_cwd("/w");
    fact.mutable_reason()->set_plain("it is outside");
  });
  EXPECT_NE(asked.sentence.find("asks to be allowed apr_1111"), std::string::npos) << asked.sentence;
  EXPECT_NE(asked.sentence.find("command in /w (it is outside)"), std::string::npos) << asked.sentence;
  EXPECT_NE(asked.below.find("| rm -rf build\n"), std::string::npos) << asked.below;
  EXPECT_EQ(asked.below.find('\x1b'), std::string::npos) << "nothing that an agent wrote moves the auditor's cursor";
}

TEST(ApprovalStory, SaysWhoDecidedAndByWhichRule) {
  const auto decided = [](const std::string& by, const std::string& rule) {
    return told([&](v1::SessionEvent& event) {
      auto& fact = *event.mutable_approval_resolved();
      fact.set_request_id("apr_" + std::string(32, '1'));
      fact.set_decision("decline");
      fact.set_by(by);
      fact.set_rule(rule);
      fact.mutable_reason()->set_plain("not here");
    });
  };
  EXPECT_NE(decided("policy", "look around").sentence.find("decline, by the policy's rule look around"), std::string::npos);
  EXPECT_NE(decided("policy", "").sentence.find("decline, by the policy"), std::string::npos);
  EXPECT_NE(decided("system", "").sentence.find("decline, by the system"), std::string::npos);
  EXPECT_NE(decided("usr_" + std::string(32, 'b'), "").sentence.find("decline, by user usr_bbbb"), std::string::npos);
  EXPECT_NE(decided("policy", "").below.find("not here"), std::string::npos);
}

TEST(ApprovalStory, SaysHowTheAgentCameToKnow) {
  const auto delivered = [](const std::string& how) {
    return told([&](v1::SessionEvent& event) {
             event.mutable_approval_delivered()->set_request_id("apr_" + std::string(32, '1'));
             event.mutable_approval_delivered()->set_how(how);
             event.mutable_approval_delivered()->set_offer(2);
           })
        .sentence;
  };
  EXPECT_NE(delivered("answered").find("knows how apr_1111"), std::string::npos);
  EXPECT_NE(delivered("quoted").find("a new turn told it (offer 2)"), std::string::npos);
  EXPECT_NE(delivered("withdrawn").find("no more"), std::string::npos);
}

}  // namespace
}  // namespace dossier::replay
