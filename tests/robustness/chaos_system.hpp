// The system that is harmed: a broker and a database of its own behind proxies, servers and workers, each as processes of
// their own. Strikes at them, and mends them. One thread: the processes die with it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/robustness/chaos_plan.hpp"
#include "tests/robustness/load.hpp"
#include "tests/support/installation.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace dossier::test {

class ChaosSystem {
 public:
  ChaosSystem(ChaosCast cast, Recorder& recorder);
  ~ChaosSystem();

  Installation& at() { return *installation_; }
  LoadPlace place();
  // All of a step: struck at once, lasting, mended, and calm again.
  void suffer(const ChaosStep& step);
  // Whatever is down or frozen is up again, and every server is ready. Throws std::runtime_error if it can't be.
  void mend();
  std::string logs() const;

 private:
  void strike(const Strike& strike);
  void mend(const Strike& strike);
  void wait(std::int64_t ms);
  // As a supervisor does: what ended by itself is started again. A program that crashed is a fault.
  void watch_over();
  void launch_server(int number);
  void launch_worker(int number);
  void start_kafka();
  void start_postgres();
  void turn_clock(std::int64_t seconds);

  const ChaosCast cast_;
  Recorder& recorder_;
  TemporaryFolder folder_{"chaos"};
  TcpProxy kafka_proxy_;
  TcpProxy postgres_proxy_;
  std::unique_ptr<OwnClusters> own_;
  std::unique_ptr<Installation> installation_;
  std::string project_;
  bool kafka_down_ = false;
  bool postgres_down_ = false;
};

}  // namespace dossier::test
