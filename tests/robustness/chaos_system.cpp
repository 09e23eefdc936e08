// Building it, harming it, mending it.
#include "tests/robustness/chaos_system.hpp"

#include <csignal>
#include <stdexcept>

#include "tests/robustness/breakable.hpp"
#include "tests/robustness/turned_clock.hpp"
#include "tests/support/cluster_processes.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr int kSlots = 2;
constexpr const char* kAgent = "worker";

std::string worker_name(int number) { return "w" + std::to_string(number); }

}  // namespace

ChaosSystem::ChaosSystem(ChaosCast cast, Recorder& recorder) : cast_(cast), recorder_(recorder) {
  turn_clock(0);
  own_ = std::make_unique<OwnClusters>(OwnClusterOptions{.kafka_advertised_port = kafka_proxy_.port()});
  kafka_proxy_.set_target(own_->kafka_port());
  postgres_proxy_.set_target(own_->postgres_port());
  installation_ = std::make_unique<Installation>(with_ports(own_->clusters(), *own_, kafka_proxy_.port(), postgres_proxy_.port(), folder_.path()));
  for (int number = 0; number < cast_.servers; ++number) launch_server(number);
  for (int number = 0; number < cast_.servers; ++number)
    if (!at().wait_until_ready(number)) throw std::runtime_error("a server was not ready\n" + logs());
  at().bootstrap();
  project_ = at().make_project("chaos");
  at().make_agent({.name = kAgent, .command = {"/bin/sh", at().copy_script("tests/robustness/agents/work.sh")}});
  for (int number = 1; number <= cast_.workers; ++number) launch_worker(number);
}

ChaosSystem::~ChaosSystem() {
  kafka_proxy_.resume();
  postgres_proxy_.resume();
  kafka_proxy_.admit();
  postgres_proxy_.admit();
  // Frozen ones could not be asked to end.
  signal_all(kafka_processes(own_->folder()), SIGCONT);
  signal_all(postgres_processes(own_->folder()), SIGCONT);
  installation_.reset();
  own_.reset();
}

LoadPlace ChaosSystem::place() {
  LoadPlace place;
  for (int number = 0; number < cast_.servers; ++number) place.urls.push_back(at().url(number));
  place.token = at().api().token();
  place.user = at().api().get("/v1/me").at("user", "id");
  place.workspace = at().workspace();
  place.project = project_;
  place.agent = kAgent;
  return place;
}

void ChaosSystem::launch_server(int number) {
  at().launch_server(number, number == cast_.clock_server ? turned_clock(folder_.path() + "/clock") : EnvironmentChanges{});
}

void ChaosSystem::launch_worker(int number) { at().launch_worker(worker_name(number), kSlots); }

void ChaosSystem::start_kafka() {
  own_->start_kafka();
  kafka_proxy_.set_target(own_->kafka_port());
  kafka_down_ = false;
}

void ChaosSystem::start_postgres() {
  own_->start_postgres();
  postgres_proxy_.set_target(own_->postgres_port());
  postgres_down_ = false;
  recorder_.database_crashed();
}

void ChaosSystem::turn_clock(std::int64_t seconds) { set_turned_clock(folder_.path() + "/clock", seconds); }

void ChaosSystem::suffer(const ChaosStep& step) {
  recorder_.note(describe(step));
  for (const Strike& one : step.strikes) strike(one);
  wait(step.lasts_ms);
  for (const Strike& one : step.strikes) mend(one);
  recorder_.note("mended");
  wait(step.calm_ms);
}

void ChaosSystem::wait(std::int64_t ms) {
  watch_over();
  eventually(ms, [] { return false; });
  watch_over();
}

void ChaosSystem::strike(const Strike& strike) {
  const bool kafka = strike.victim == Victim::kafka;
  TcpProxy& proxy = kafka ? kafka_proxy_ : postgres_proxy_;
  const auto processes = [&] { return kafka ? kafka_processes(own_->folder()) : postgres_processes(own_->folder()); };
  switch (strike.harm) {
    case Harm::kill:
      if (strike.victim == Victim::server) return at().server(strike.number).kill();
      if (strike.victim == Victim::worker) return at().worker(worker_name(strike.number)).kill();
      (kafka ? kafka_down_ : postgres_down_) = true;
      return kill_all(processes());
    case Harm::freeze:
      if (strike.victim == Victim::server) return at().server(strike.number).signal(SIGSTOP);
      if (strike.victim == Victim::worker) return at().worker(worker_name(strike.number)).signal(SIGSTOP);
      return signal_all(processes(), SIGSTOP);
    case Harm::cut: return proxy.cut();
    case Harm::hold_up: return proxy.pause();
    case Harm::half_open: return proxy.leave_half_open();
    case Harm::refuse: proxy.refuse(); return proxy.cut();
    case Harm::turn_clock: return turn_clock(strike.clock_s);
  }
}

void ChaosSystem::mend(const Strike& strike) {
  const bool kafka = strike.victim == Victim::kafka;
  TcpProxy& proxy = kafka ? kafka_proxy_ : postgres_proxy_;
  switch (strike.harm) {
    case Harm::kill:
      if (strike.victim == Victim::server) return launch_server(strike.number);
      if (strike.victim == Victim::worker) return launch_worker(strike.number);
      return kafka ? start_kafka() : start_postgres();
    case Harm::freeze:
      if (strike.victim == Victim::server) return at().server(strike.number).signal(SIGCONT);
      if (strike.victim == Victim::worker) return at().worker(worker_name(strike.number)).signal(SIGCONT);
      return signal_all(kafka ? kafka_processes(own_->folder()) : postgres_processes(own_->folder()), SIGCONT);
    case Harm::hold_up: return proxy.resume();
    case Harm::refuse: return proxy.admit();
    case Harm::turn_clock: return turn_clock(0);
    case Harm::cut:
    case Harm::half_open: return;
  }
}

void ChaosSystem::watch_over() {
  const auto look = [&](Program& program, const std::string& name) {
    const auto ended = program.wait(0);
    if (!ended || *ended == 128 + SIGKILL) return false;  // runs, or was killed by us
    recorder_.note(name + " ended by itself with " + std::to_string(*ended));
    if (*ended > 128) recorder_.fault(name + " crashed with signal " + std::to_string(*ended - 128));
    return true;
  };
  for (int number = 0; number < cast_.servers; ++number)
    if (look(at().server(number), "server " + std::to_string(number))) launch_server(number);
  for (int number = 1; number <= cast_.workers; ++number)
    if (look(at().worker(worker_name(number)), worker_name(number))) launch_worker(number);
}

void ChaosSystem::mend() {
  kafka_proxy_.resume();
  kafka_proxy_.admit();
  postgres_proxy_.resume();
  postgres_proxy_.admit();
  turn_clock(0);
  if (kafka_down_) start_kafka();
  if (postgres_down_) start_postgres();
  signal_all(kafka_processes(own_->folder()), SIGCONT);
  signal_all(postgres_processes(own_->folder()), SIGCONT);
  for (int number = 0; number < cast_.servers; ++number) at().server(number).signal(SIGCONT);
  for (int number = 1; number <= cast_.workers; ++number) at().worker(worker_name(number)).signal(SIGCONT);
  watch_over();
  for (int number = 0; number < cast_.servers; ++number)
    if (!at().wait_until_ready(number)) throw std::runtime_error("server " + std::to_string(number) + " is not ready after the storm\n" + logs());
}

std::string ChaosSystem::logs() const { return installation_ == nullptr ? std::string() : installation_->logs(); }

}  // namespace dossier::test
