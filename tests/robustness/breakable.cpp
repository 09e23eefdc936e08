// The shared clusters and their proxies.
#include "tests/robustness/breakable.hpp"

#include <fstream>
#include <stdexcept>

#include "platform/crypto/crypto.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

std::unique_ptr<Breakable> shared_breakable;

class EndOfProgram final : public ::testing::Environment {
 public:
  void TearDown() override { shared_breakable.reset(); }
};
const auto* const kEndOfProgram = ::testing::AddGlobalTestEnvironment(new EndOfProgram);

std::string with_port(const std::string& text, std::uint16_t from, std::uint16_t to) {
  const std::string old = "127.0.0.1:" + std::to_string(from);
  const auto at = text.find(old);
  if (at == std::string::npos) throw std::runtime_error("no " + old + " among the clusters' settings");
  return std::string(text).replace(at, old.size(), "127.0.0.1:" + std::to_string(to));
}

}  // namespace

Clusters with_ports(Clusters clusters, const OwnClusters& own, std::uint16_t kafka_port, std::uint16_t postgres_port, const std::string& folder) {
  clusters.database_url = with_port(clusters.database_url, own.postgres_port(), postgres_port);
  for (std::string* file : {&clusters.server_kafka_properties, &clusters.worker_kafka_properties}) {
    const std::string text = with_port(read_whole_file(*file), own.kafka_port(), kafka_port);
    *file = folder + file->substr(file->rfind('/'));
    std::ofstream(*file) << text;
  }
  return clusters;
}

Breakable& Breakable::shared() {
  if (shared_breakable == nullptr) shared_breakable = std::make_unique<Breakable>();
  return *shared_breakable;
}

Breakable::Breakable() : own_(std::make_unique<OwnClusters>(OwnClusterOptions{.kafka_advertised_port = kafka_.port()})) {
  kafka_.set_target(own_->kafka_port());
  postgres_.set_target(own_->postgres_port());
  clusters_ = with_ports(own_->clusters(), *own_, kafka_.port(), postgres_.port(), folder_.path());
}

void Breakable::restart_kafka() {
  own_->start_kafka();
  kafka_.set_target(own_->kafka_port());
}

void Breakable::restart_postgres() {
  own_->start_postgres();
  postgres_.set_target(own_->postgres_port());
}

bool OnBreakable::open_in_the_end(const std::string& title, std::int64_t deadline_ms) {
  const http_client::Headers key{{"idempotency-key", crypto::random_uuid_hex()}};
  return eventually(deadline_ms, [&] { return api().post(at().in_workspace("/issues"), object({{"title", title}}), key).status == 201; });
}

std::vector<std::string> OnBreakable::titles() {
  std::vector<std::string> found;
  for (const auto& issue : api().get(at().in_workspace("/issues?limit=200")).items()) found.push_back(issue.text("title"));
  return found;
}

}  // namespace dossier::test
