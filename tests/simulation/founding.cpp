// Deciding, appending and projecting by hand.
#include "tests/simulation/founding.hpp"

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "platform/memory/memory_topic.hpp"
#include "producers/commands/decision_builder.hpp"
#include "producers/commands/identity.hpp"
#include "producers/commands/worker.hpp"
#include "producers/commands/workspace.hpp"
#include "producers/memory_state_store.hpp"
#include "projections/memory_store.hpp"
#include "projections/projection.hpp"
#include "projections/projector.hpp"

namespace dossier::simulation {
namespace {

namespace commands = producers::commands;

std::string hex_id(std::string_view prefix, int number) {
  const std::string digits = std::to_string(number);
  return std::string(prefix) + "_" + std::string(32 - digits.size(), '0') + digits;
}

// One partition, and no faults.
class Office {
 public:
  Office() : broker_(clock_), reader_(broker_.make_reader("founding")), writer_(broker_.make_writer("founding")) {
    broker_.create_topic(topics_.events(), 1);
    projections::ProjectorOptions options;
    options.log = {topics_.events(), std::string(32, 'f'), 1};
    projector_ = std::make_unique<projections::Projector>(options, *reader_, store_, projections::registry(), clock_);
    projector_->assign({0});
    put(events::encode(events::make_genesis(options.log.log_id, 1, 0, clock_.wall_us())));
  }

  // The commit of this command, as the log has it.
  std::string commit(const WorkspaceId& workspace, const std::string& actor, const std::string& key, const producers::Decide& decide) {
    producers::CommandContext context;
    context.workspace = workspace;
    context.commit_id = events::derive_commit_id(workspace, actor, "founding", key);
    context.actor.set_kind(v1::Actor::USER);
    context.actor.set_id(actor);
    context.now_us = clock_.wall_us();
    const auto snapshot = states_.snapshot();
    CHECK(snapshot.has_value());
    auto decision = decide(**snapshot, context);
    CHECK(decision.has_value());
    v1::Record record;
    record.set_envelope_version(1);
    v1::Commit& commit = *record.mutable_commit();
    commit.set_commit_id(context.commit_id.str());
    commit.set_workspace_id(workspace.str());
    commit.set_history(1);
    for (auto& expect : decision->expects) *commit.add_expects() = std::move(expect);
    for (auto& event : decision->events) *commit.add_events() = std::move(event);
    *commit.mutable_actor() = context.actor;
    commit.set_request_fingerprint(std::string(32, 'f'));
    commit.set_recorded_at_us(context.now_us);
    const std::string value = record.SerializeAsString();
    put(value);
    return value;
  }

 private:
  void put(const std::string& value) {
    writer_->append({topics_.events(), 0, {}, value, {}}, [](const topic::Appended&) {});
    while (broker_.step()) {
    }
    while (projector_->step(0).progressed) {
    }
  }

  ManualClock clock_;
  memory::MemoryBroker broker_;
  events::Topics topics_;
  std::shared_ptr<memory::MemoryDatabase> database_ = std::make_shared<memory::MemoryDatabase>();
  projections::MemoryStore store_{database_};
  producers::MemoryStateStore states_{database_};
  std::unique_ptr<topic::Reader> reader_;
  std::unique_ptr<memory::MemoryWriter> writer_;
  std::unique_ptr<projections::Projector> projector_;
};

FoundedWorkspace::Worker make_worker(Office& office, const FoundedWorkspace& workspace, const SecretId& token, int number) {
  FoundedWorkspace::Worker worker;
  WorkerIdentity& identity = worker.identity;
  identity.workspace = workspace.id;
  identity.keys = crypto::key_pair_from_seed(std::string(31, workspace.id.str().back()) + static_cast<char>(number));
  identity.id = commands::worker_id_of(workspace.id, identity.keys.public_key);
  identity.slots = static_cast<std::uint32_t>(number + 1);
  v1::WorkerRegistered registered;
  registered.set_public_key(identity.keys.public_key);
  registered.set_token_secret_id(token.str());
  registered.set_slots(identity.slots);
  registered.set_mode("local");
  auto& capability = *registered.add_capabilities();
  capability.set_name("command");
  capability.set_value("true");
  worker.registration = office.commit(workspace.id, identity.id.str(), "register", commands::register_worker(registered));
  return worker;
}

// People are asked, but for two kinds of commands.
v1::ApprovalPolicy approval_policy() {
  v1::ApprovalPolicy policy;
  policy.set_mode(v1::ApprovalPolicy::ON_REQUEST);
  const auto add = [&](const std::string& program, v1::ApprovalRule::Effect effect) {
    v1::ApprovalRule& rule = *policy.add_rules();
    rule.set_name(program);
    rule.set_effect(effect);
    rule.add_command_prefix(program);
  };
  add("ls", v1::ApprovalRule::ALLOW);
  add("rm", v1::ApprovalRule::DENY);
  return policy;
}

// A second member, and the policy.
producers::Decide let_people_decide(const std::string& colleague) {
  return [colleague](producers::Snapshot& snapshot, const producers::CommandContext& context) -> Result<producers::Decision> {
    commands::DecisionBuilder decision(snapshot, context);
    v1::MembersEvent member;
    member.mutable_member_added()->set_user_id(colleague);
    member.mutable_member_added()->set_role(v1::MEMBER);
    decision.add(events::members_stream(context.workspace), {}, member);
    v1::WorkspaceEvent policy;
    *policy.mutable_approval_policy_set()->mutable_policy() = approval_policy();
    decision.add(events::workspace_stream(context.workspace), {}, policy);
    return decision.finish();
  };
}

FoundedWorkspace found(Office& office, int number) {
  FoundedWorkspace workspace;
  workspace.id = WorkspaceId(hex_id("ws", number));
  workspace.user = hex_id("usr", number);
  workspace.colleague = hex_id("usr", 100 + number);
  v1::WorkspaceCreated created;
  created.set_workspace_id(workspace.id.str());
  created.set_slug("simulated-" + std::to_string(number));
  created.set_owner_id(workspace.user);
  workspace.commits.push_back(office.commit(workspace.id, workspace.user, "workspace", commands::create_workspace(created)));
  workspace.commits.push_back(office.commit(workspace.id, workspace.user, "approvals", let_people_decide(workspace.colleague)));
  commands::CreateProject project;
  project.name = "repository";
  project.source.set_local_path("/srv/repository");
  workspace.commits.push_back(office.commit(workspace.id, workspace.user, "project", commands::create_project(project)));
  workspace.project = events::derive_id<ProjectId>(events::derive_commit_id(workspace.id, workspace.user, "founding", "project"));
  v1::AgentProfileDefined agent;
  agent.set_name("fixer");
  agent.set_provider("command");
  agent.set_enabled(true);
  workspace.commits.push_back(office.commit(workspace.id, workspace.user, "agent", commands::define_agent(agent)));
  const SecretId token(hex_id("sec", number));
  workspace.commits.push_back(office.commit(workspace.id, workspace.user, "token", commands::issue_worker_token(token, "msw_", "simulated")));
  for (int n = 0; n < kMostWorkersEach; ++n) workspace.workers.push_back(make_worker(office, workspace, token, n));
  return workspace;
}

}  // namespace

const std::vector<FoundedWorkspace>& founded_workspaces() {
  static const std::vector<FoundedWorkspace> all = [] {
    Office office;
    std::vector<FoundedWorkspace> made;
    for (int number = 1; number <= kMostWorkspaces; ++number) made.push_back(found(office, number));
    return made;
  }();
  return all;
}

}  // namespace dossier::simulation
