// Two processes over one broker and one database in memory, of which the first projects; and commands on one stream.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "producers/command_runner.hpp"
#include "tests/support/memory_server.hpp"

namespace dossier::producers::runner {

using test::MemoryInstallation;
using test::MemoryServer;
using test::settle;

inline const WorkspaceId kWorkspace("ws_" + std::string(32, '1'));
inline const std::string kStream = events::workspace_stream(kWorkspace);

inline v1::Event renamed(const std::string& name) {
  v1::EventPayload payload;
  payload.mutable_workspace()->mutable_workspace_renamed()->mutable_name()->set_plain(name);
  return events::make_event(kStream, {}, payload);
}

// Appends one event to the workspace's stream, relying on its version.
inline Decide rename(const std::string& name) {
  return [name](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    TRY(const StreamState state, snapshot.stream(context.workspace, kStream));
    Decision decision;
    decision.events.push_back(renamed(name));
    decision.expects.emplace_back().set_stream(kStream);
    decision.expects.back().set_version(state.version);
    return decision;
  };
}

// As rename, but only once ever: afterwards it refuses.
inline Decide take(const std::string& name) {
  return [name](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    TRY(const StreamState state, snapshot.stream(context.workspace, kStream));
    if (state.version != 0) return make_error(Code::already_exists, "taken");
    return rename(name)(snapshot, context);
  };
}

inline Command command(const std::string& key, Decide decide, const std::string& fingerprint = std::string(32, 'f')) {
  Command command;
  command.context.workspace = kWorkspace;
  command.context.commit_id = events::derive_commit_id(kWorkspace, "test", "test", key);
  command.context.fingerprint = fingerprint;
  command.decide = std::move(decide);
  return command;
}

// Of this system's own making: nobody looks for an earlier commit under its key.
inline Command own(Command command) {
  command.context.seldom_repeated = true;
  return command;
}

class CommandRunnerTest : public ::testing::Test {
 protected:
  using Answer = std::shared_ptr<std::optional<Result<Committed>>>;

  static Answer send(MemoryServer& server, Command command) {
    auto answer = std::make_shared<std::optional<Result<Committed>>>();
    server.run(std::move(command), [answer](Result<Committed> result) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      answer->emplace(std::move(result));
    });
    return answer;
  }
  Result<Committed> ask(MemoryServer& server, Command command) {
    const Answer answer = send(server, std::move(command));
    settle(at, {&one, &other});
    CHECK(answer->has_value());
    return **answer;
  }
  std::uint64_t version() {
    auto snapshot = one.states.snapshot();
    return (*snapshot)->stream(kWorkspace, kStream)->version;
  }
  Head head_now() {
    const std::vector<StatesWanted> wanted = {{kWorkspace, {}, std::nullopt, kWorkspace}};
    return one.states.read(wanted)->front().head;
  }
  Command on_premise(Command command, Head head) {
    command.premise = Premise{kWorkspace, head, [this] {
                                ++confirmed_;
                                return holds_;
                              }};
    return command;
  }
  // Without the Genesis.
  std::size_t records() const { return at.events_of(kWorkspace).size() - 1; }
  // What happens to the next appends of commits, in order; after that all is well.
  void fates(std::vector<memory::Fate> next) {
    at.fates.plan = [next = std::move(next), i = std::size_t{0}](std::string_view writer, const topic::Outgoing& record) mutable {
      memory::AppendPlan plan;
      if (writer.find(".commits") != std::string_view::npos && i < next.size()) plan.fate = next[i++];
      return plan;
    };
  }

  void SetUp() override {
    other.projects = false;  // it learns its verdicts from the database
    settle(at, {&one, &other});
  }

  Status holds_;
  int confirmed_ = 0;
  MemoryInstallation at;
  MemoryServer one{at, "one"};
  MemoryServer other{at, "other"};
};

}  // namespace dossier::producers::runner
