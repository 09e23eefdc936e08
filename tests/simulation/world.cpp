// The course of a run.
#include "tests/simulation/world.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "events/task.hpp"
#include "platform/memory/ledger_tables.hpp"
#include "producers/commands/identity.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/simulation/checks.hpp"

namespace dossier::simulation {

namespace commands = producers::commands;

namespace {
constexpr std::size_t kNotes = 60;
std::string hex_id(std::string_view prefix, std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(prefix) + "_" + std::string(32 - digits.size(), '0') + digits;
}
}  // namespace

World::World(std::uint64_t seed, Plan plan)
    : seed_(seed), plan_(plan), random_(seed), faults_(random_), broker_(clock_, {}, &faults_) {
  log_ = {std::string(32, 'd'), plan_.partitions};
}

World::~World() {
  for (std::size_t at = 0; at < servers_.size(); ++at) kill_server(at);
}

std::string World::run() {
  faults_.calm();
  set_up();
  clients_ = std::make_unique<SimClients>(clock_, random_, places_, plan_.people, plan_.requests);
  faults_.storm();
  stormy_ = true;
  database_->set_faults([this](std::string_view operation) { return faults_.plan_database(operation); });
  const std::int64_t storm_end = clock_.boot_us() + plan_.storm_us;
  while (clock_.boot_us() < storm_end) {
    if (turns_ % 500 == 0 && clients_->done() && open_tasks().empty()) break;
    const std::int64_t before = clock_.boot_us();
    turn();
    if (clock_.boot_us() != before) chaos();  // as often as time passes, not as often as something is done
  }
  end_storm();
  const std::int64_t patience_end = clock_.boot_us() + plan_.calm_us;
  while (!at_rest()) {
    if (clock_.boot_us() > patience_end) {
      std::string stuck = clients_->done() ? "tasks never ended:" : "people still wait for an answer;";
      for (const auto& task : open_tasks()) stuck += " " + task;
      return report(stuck);
    }
    for (int n = 0; n < 200; ++n) turn();
  }
  const std::string fault = check_everything({broker_, database_, topics_, log_, clients_->requests(), clock_});
  return fault.empty() ? fault : report(fault);
}

void World::set_up() {
  broker_.create_topic(topics_.events(), plan_.partitions);
  broker_.create_topic(topics_.reports(), plan_.partitions);
  broker_.create_topic(topics_.activity(), plan_.partitions);
  auto writer = broker_.make_writer("genesis");
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) {
    const auto genesis = events::make_genesis(log_.log_id, log_.partitions, partition, clock_.wall_us());
    writer->append({topics_.events(), partition, {}, events::encode(genesis), {}}, [](const topic::Appended&) {});
  }
  while (const auto due = broker_.next_due_us()) {
    clock_.advance_us(std::max<std::int64_t>(0, *due - clock_.boot_us()));
    while (broker_.step()) {
    }
  }
  servers_.resize(static_cast<std::size_t>(plan_.servers));
  server_due_us_.resize(servers_.size());
  for (std::size_t at = 0; at < servers_.size(); ++at) start_server(at);
  for (int number = 1; number <= plan_.workspaces; ++number) make_workspace(number);
}

void World::make_workspace(int number) {
  const WorkspaceId workspace(hex_id("ws", static_cast<std::uint64_t>(number)));
  const std::string user = hex_id("usr", static_cast<std::uint64_t>(number));
  broker_.create_topic(topics_.tasks(workspace.str()), 4);
  broker_.create_topic(topics_.control(workspace.str()), 1);
  v1::WorkspaceCreated created;
  created.set_workspace_id(workspace.str());
  created.set_slug("simulated-" + std::to_string(number));
  created.set_owner_id(user);
  must(workspace, user, "workspace", commands::create_workspace(created));
  commands::CreateProject project;
  project.name = "repository";
  project.source.set_local_path("/srv/repository");
  must(workspace, user, "project", commands::create_project(project));
  v1::AgentProfileDefined agent;
  agent.set_name("fixer");
  agent.set_provider("command");
  agent.set_enabled(true);
  must(workspace, user, "agent", commands::define_agent(agent));
  const SecretId token(hex_id("sec", static_cast<std::uint64_t>(number)));
  must(workspace, user, "token", commands::issue_worker_token(token, "msw_", "simulated"));
  places_.push_back({workspace, user, events::derive_id<ProjectId>(events::derive_commit_id(workspace, user, "must", "project"))});
  for (int n = 0; n < plan_.workers_each; ++n) {
    WorkerSlot slot;
    slot.identity.workspace = workspace;
    slot.identity.keys = crypto::key_pair_from_seed(std::string(31, static_cast<char>(number)) + static_cast<char>(n));
    slot.identity.id = commands::worker_id_of(workspace, slot.identity.keys.public_key);
    slot.identity.slots = static_cast<std::uint32_t>(n + 1);
    v1::WorkerRegistered registered;
    registered.set_public_key(slot.identity.keys.public_key);
    registered.set_token_secret_id(token.str());
    registered.set_slots(slot.identity.slots);
    registered.set_mode("local");
    auto& capability = *registered.add_capabilities();
    capability.set_name("command");
    capability.set_value("true");
    must(workspace, slot.identity.id.str(), "register " + std::to_string(n), commands::register_worker(registered));
    start_worker(slot);
    workers_.push_back(std::move(slot));
  }
}

void World::must(const WorkspaceId& workspace, const std::string& actor, const std::string& key, producers::Decide decide) {
  producers::Command command;
  command.context.workspace = workspace;
  command.context.commit_id = events::derive_commit_id(workspace, actor, "must", key);
  command.context.actor.set_kind(v1::Actor::USER);
  command.context.actor.set_id(actor);
  command.context.fingerprint = std::string(32, 'm');
  command.decide = std::move(decide);
  for (int tries = 0; tries < 100; ++tries) {
    std::optional<Result<producers::Committed>> answer;
    servers_[0]->runner().run(command, [&](Result<producers::Committed> got) { answer = std::move(got); });
    while (!answer) turn();
    if (*answer) return;
    CHECK(is_transient(answer->error().code));
    for (int n = 0; n < 500; ++n) turn();
  }
  CHECK(!"a command of the set-up never succeeded in calm weather");
}

bool World::turn() {
  ++turns_;
  bool moved = false;
  const auto actor = between(random_, 0, 9);
  if (actor <= 2) {
    moved = broker_.step();
  } else if (actor <= 6) {
    auto& server = servers_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1))];
    moved = server != nullptr && server->step();
  } else if (actor <= 8) {
    if (!workers_.empty()) {
      auto& slot = workers_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(workers_.size()) - 1))];
      moved = slot.worker != nullptr && slot.worker->step();
    }
  } else if (clients_ != nullptr) {
    auto& server = servers_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1))];
    moved = server != nullptr && !server->frozen() && clients_->step(*server);
  }
  idle_turns_ = moved ? 0 : idle_turns_ + 1;
  if (idle_turns_ > 24) advance_clock();
  return moved;
}

void World::advance_clock() {
  idle_turns_ = 0;
  const std::int64_t now = clock_.boot_us();
  std::int64_t due = now + 200'000;
  if (const auto broker = broker_.next_due_us()) due = std::min(due, *broker);
  for (const auto& server : servers_)
    if (server != nullptr) due = std::min(due, server->next_due_us());
  for (const auto& slot : workers_)
    if (slot.worker != nullptr) due = std::min(due, slot.worker->next_due_us());
  if (clients_ != nullptr) due = std::min(due, clients_->next_due_us());
  clock_.advance_us(std::max<std::int64_t>(due - now, 200));
}

void World::chaos() {
  const std::int64_t now = clock_.boot_us();
  for (std::size_t at = 0; at < servers_.size(); ++at) {
    if (server_due_us_[at] == 0 || server_due_us_[at] > now) continue;
    server_due_us_[at] = 0;
    if (servers_[at] == nullptr) {
      start_server(at);
    } else {
      note("server " + std::to_string(at) + " goes on");
      servers_[at]->thaw();
    }
  }
  if (!chance(random_, faults_.weather().crash)) return;
  const auto at = static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1));
  auto& slot = workers_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(workers_.size()) - 1))];
  switch (between(random_, 0, 8)) {
    case 0:
    case 1:
      if (servers_[at] == nullptr) break;
      kill_server(at);
      server_due_us_[at] = now + between(random_, 1'000, 10'000'000);
      share_partitions();
      break;
    case 2:
      if (servers_[at] == nullptr || servers_[at]->frozen()) break;
      note("server " + std::to_string(at) + " freezes");
      servers_[at]->freeze();
      server_due_us_[at] = now + between(random_, 1'000, 70'000'000);
      share_partitions();
      break;
    case 3:
    case 4:
      note("worker " + slot.identity.id.str() + " is killed");
      slot.worker->crash(chance(random_, 0.5));
      start_worker(slot);
      break;
    case 5:
      if (slot.worker->frozen()) {
        slot.worker->thaw();
      } else {
        note("worker " + slot.identity.id.str() + " freezes");
        slot.worker->freeze();
      }
      break;
    case 6:
      note("the database forgets its last commits");
      database_->crash(static_cast<std::uint64_t>(between(random_, 0, 20)));
      break;
    case 7:
      note("both servers believe they own everything");
      for (const auto& server : servers_)
        if (server != nullptr) {
          std::vector<std::int32_t> all;
          for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) all.push_back(partition);
          server->own(all);
        }
      break;
    default: {
      const auto partition = static_cast<std::int32_t>(between(random_, 0, plan_.partitions - 1));
      const bool present = chance(random_, 0.5);
      note("partition " + std::to_string(partition) + (present ? " has its leader" : " loses its leader"));
      broker_.set_leader(topics_.events(), partition, present);
    }
  }
}

void World::share_partitions() {
  std::vector<SimServer*> live;
  for (const auto& server : servers_)
    if (server != nullptr && !server->frozen()) live.push_back(server.get());
  if (live.empty()) return;
  std::vector<std::vector<std::int32_t>> shares(live.size());
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition)
    shares[static_cast<std::size_t>(partition) % live.size()].push_back(partition);
  for (std::size_t n = 0; n < live.size(); ++n) live[n]->own(shares[n]);
}

void World::start_server(std::size_t at) {
  note("server " + std::to_string(at) + " starts");
  servers_[at] = std::make_unique<SimServer>(Surroundings{clock_, random_, broker_, database_, topics_, log_}, "server-" + std::to_string(at));
  share_partitions();
}

void World::kill_server(std::size_t at) {
  if (servers_[at] == nullptr) return;
  note("server " + std::to_string(at) + " is killed");
  if (clients_ != nullptr) clients_->lost(*servers_[at]);
  servers_[at]->crash(chance(random_, 0.5));
  servers_[at].reset();
}

void World::start_worker(WorkerSlot& slot) {
  slot.worker = std::make_unique<SimWorker>(Surroundings{clock_, random_, broker_, database_, topics_, log_}, slot.identity, ++slot.boots, stormy_);
}

void World::end_storm() {
  note("the storm is over");
  faults_.calm();
  stormy_ = false;
  database_->set_faults({});
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) broker_.set_leader(topics_.events(), partition, true);
  for (std::size_t at = 0; at < servers_.size(); ++at) {
    server_due_us_[at] = 0;
    if (servers_[at] == nullptr) start_server(at);
    if (servers_[at]->frozen()) servers_[at]->thaw();
  }
  for (auto& slot : workers_)
    if (slot.worker->frozen()) slot.worker->thaw();
  share_partitions();
}

bool World::at_rest() {
  if (!clients_->done() || !open_tasks().empty()) return false;
  return applied_to_the_end({broker_, database_, topics_, log_, clients_->requests(), clock_});
}

std::vector<std::string> World::open_tasks() {
  std::vector<std::string> open;
  const auto view = database_->view("simulation");
  if (!view) return {"unknown"};
  view->scan(memory::in_generation(memory::kFirstGeneration, "streams"), memory::Key(), [&](const rows::Row& row) {
    const std::string& stream = memory::text(row, 1);
    if (stream.compare(0, 5, "task/") != 0) return true;
    v1::TaskState state;
    if (!state.ParseFromString(memory::text(row, 3)) || !events::is_terminal(state.status()))
      open.push_back(stream + " is " + std::string(events::status_name(state.status())) + " under offer " + std::to_string(state.offer()));
    return true;
  });
  return open;
}

void World::note(std::string what) {
  notes_.push_back(std::to_string(clock_.boot_us() / 1000) + " ms: " + std::move(what));
  if (notes_.size() > kNotes) notes_.erase(notes_.begin());
}

std::string World::report(const std::string& what) const {
  std::string text = "seed " + std::to_string(seed_) + ": " + what + "\n";
  for (const auto& line : notes_) text += "  " + line + "\n";
  return text;
}

}  // namespace dossier::simulation
