// Running broker_trio.sh.
#include "tests/support/broker_trio.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "tests/support/cluster_processes.hpp"
#include "tests/support/program.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kTrioDeadlineMs = 180'000;

std::string in_support(const std::string& file) { return std::string(DOSSIER_SOURCE_DIR) + "/tests/support/" + file; }

}  // namespace

BrokerTrio::BrokerTrio() : above_("trio"), folder_(above_.path() + "/trio") {
  run({"start", folder_});
  std::string brokers = read_whole_file(folder_ + "/bootstrap");
  std::erase(brokers, '\n');
  std::ofstream(folder_ + "/kafka.properties") << "bootstrap.servers=" << brokers << "\n";
}

BrokerTrio::~BrokerTrio() {
  try {
    run({"stop", folder_});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
  }
}

Clusters BrokerTrio::clusters() const {
  Clusters out;
  out.kafka_properties = out.server_kafka_properties = out.worker_kafka_properties = folder_ + "/kafka.properties";
  out.database_url = Clusters::shared().database_url;
  return out;
}

void BrokerTrio::kill(int broker) { kill_all(processes_of(folder_ + "/" + std::to_string(broker) + "/broker.pid")); }
void BrokerTrio::start(int broker) { run({"start", folder_, std::to_string(broker)}); }

std::vector<BrokerTrio::Partition> BrokerTrio::partitions(const std::string& topic) const {
  std::string brokers = read_whole_file(folder_ + "/bootstrap");
  std::erase(brokers, '\n');
  const auto asked = run_command({"python3", in_support("partition_replicas.py"), brokers, topic}, {}, above_.path());
  std::vector<Partition> found;
  std::istringstream lines(asked.out);
  std::string in_sync;
  for (int number = 0, leader = 0; lines >> number >> leader >> in_sync;) {
    Partition partition{leader, {}};
    std::istringstream replicas(in_sync);
    for (std::string replica; std::getline(replicas, replica, ',');) partition.in_sync.push_back(std::stoi(replica));
    found.push_back(std::move(partition));
  }
  return found;
}

bool BrokerTrio::all_in_sync(const std::string& topic) const {
  const auto found = partitions(topic);
  return !found.empty() && std::all_of(found.begin(), found.end(), [](const Partition& partition) { return partition.in_sync.size() == 3; });
}

void BrokerTrio::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{in_support("broker_trio.sh")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto result = run_command(command, {}, above_.path(), kTrioDeadlineMs);
  if (result.exit_code != 0) throw std::runtime_error("broker_trio.sh " + arguments.front() + " failed:\n" + result.err);
}

}  // namespace dossier::test
