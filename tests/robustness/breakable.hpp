// One broker and one database behind proxies, which the tests of this program share: each with an installation of its own
// on them. What a test breaks it mends.
#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/installation.hpp"
#include "tests/support/tcp_proxy.hpp"

namespace dossier::test {

class Breakable {
 public:
  // Made on first use; gone before the program ends.
  static Breakable& shared();

  OwnClusters& own() { return *own_; }
  TcpProxy& kafka() { return kafka_; }
  TcpProxy& postgres() { return postgres_; }
  // Through the proxies.
  const Clusters& clusters() const { return clusters_; }
  void restart_kafka();
  void restart_postgres();

  Breakable();

 private:
  TemporaryFolder folder_{"breakable"};
  TcpProxy kafka_;
  TcpProxy postgres_;
  std::unique_ptr<OwnClusters> own_;
  Clusters clusters_;
};

// The clusters' settings with another port of 127.0.0.1 for each; the files go into `folder`.
Clusters with_ports(Clusters clusters, const OwnClusters& own, std::uint16_t kafka_port, std::uint16_t postgres_port, const std::string& folder);

// A server on the shared clusters, and what its users did and were told.
class OnBreakable : public ::testing::Test {
 protected:
  static constexpr std::int64_t kResumeDeadlineMs = 90'000;

  void begin() {
    installation_ = std::make_unique<Installation>(Breakable::shared().clusters());
    installation_->start_server();
    installation_->bootstrap();
  }
  void TearDown() override {
    if (HasFailure() && installation_ != nullptr) std::cerr << installation_->logs();
    installation_.reset();
  }
  Installation& at() { return *installation_; }
  Api& api() { return installation_->api(); }
  Reply open(const std::string& title) { return api().post(at().in_workspace("/issues"), object({{"title", title}})); }
  // Opens one until it is accepted. False at the deadline.
  bool open_in_the_end(const std::string& title, std::int64_t deadline_ms = kResumeDeadlineMs);
  std::vector<std::string> titles();

  std::unique_ptr<Installation> installation_;
};

}  // namespace dossier::test
