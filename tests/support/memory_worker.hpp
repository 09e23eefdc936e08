// A worker in a test's hand: a key, a boot, and reports that go to dossier.reports signed, as the real one's do.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "platform/crypto/crypto.hpp"
#include "producers/commands/workspace.hpp"
#include "producers/report_check.hpp"
#include "tests/support/memory_server.hpp"

namespace dossier::test {

class MemoryWorker {
 public:
  std::uint32_t slots = 1;                  // before it is registered
  std::vector<std::int32_t> partitions{0};  // of its pool's offers, as its heartbeats say

  MemoryWorker(MemoryInstallation& at, WorkspaceId workspace, const std::string& name)
      : at_(at),
        workspace_(std::move(workspace)),
        boot_("boot-" + name),
        keys_(crypto::key_pair_from_seed(crypto::view(crypto::sha256(name)))),
        id_(producers::commands::worker_id_of(workspace_, keys_.public_key)),
        writer_(at.broker.make_writer("worker " + name)) {}

  const WorkerId& id() const { return id_; }
  const std::string& boot() const { return boot_; }
  const crypto::KeyPair& keys() const { return keys_; }
  void set_boot(std::string boot) {
    boot_ = std::move(boot);
    sequence_ = 0;
  }
  memory::MemoryWriter& writer() { return *writer_; }

  v1::WorkerRegistered registration(const std::string& token_secret) const {
    v1::WorkerRegistered registered;
    registered.mutable_name()->set_plain("worker");
    registered.set_mode("local");
    v1::Capability& capability = *registered.add_capabilities();
    capability.set_name("command");
    capability.set_value("true");
    registered.set_public_key(keys_.public_key);
    registered.set_token_secret_id(token_secret);
    registered.set_slots(slots);
    return registered;
  }

  void heartbeat(const std::vector<v1::Fence>& running = {}, bool draining = false) {
    v1::Report report;
    auto& heartbeat = *report.mutable_heartbeat();
    heartbeat.set_free_slots(slots);
    for (const std::int32_t partition : partitions) heartbeat.add_partitions(partition);
    heartbeat.set_draining(draining);
    for (const auto& fence : running) *heartbeat.add_running() = fence;
    append(signed_bytes_of(report, 0));
  }
  // The next report, appended; its sequence.
  std::uint64_t report(const v1::Fence& fence, const std::function<void(v1::Report&)>& fill) {
    v1::Report report;
    *report.mutable_fence() = fence;
    fill(report);
    last_ = signed_bytes_of(report, ++sequence_);
    append(last_);
    return sequence_;
  }
  std::uint64_t claim(const v1::Fence& fence) {
    return report(fence, [](v1::Report& report) { report.mutable_claim(); });
  }
  std::uint64_t start(const v1::Fence& fence) {
    return report(fence, [](v1::Report& report) { report.mutable_run_started(); });
  }
  std::uint64_t complete(const v1::Fence& fence) {
    return report(fence, [](v1::Report& report) { report.mutable_run_completed()->mutable_result()->set_plain("done"); });
  }
  void repeat_last() { append(last_); }
  void skip_a_sequence() { ++sequence_; }
  // As it is, signed or not.
  void append(const std::string& value) { append(value, events::partition_of(workspace_.str(), MemoryInstallation::kPartitions)); }
  void append(const std::string& value, std::int32_t partition) {
    topic::Outgoing record;
    record.topic = at_.topics.reports();
    record.partition = partition;
    record.key = workspace_.str();
    record.value = value;
    writer_->append(std::move(record), [](const topic::Appended&) {});
  }
  std::string signed_bytes_of(v1::Report report, std::uint64_t sequence) const {
    report.set_workspace_id(workspace_.str());
    report.set_worker_id(id_.str());
    report.set_boot_id(boot_);
    report.set_sequence(sequence);
    v1::SignedReport outer;
    outer.set_body(report.SerializeAsString());
    outer.set_signature(crypto::sign(keys_.secret_key, producers::signed_bytes(producers::kReportDomain, outer.body())));
    return outer.SerializeAsString();
  }

 private:
  MemoryInstallation& at_;
  const WorkspaceId workspace_;
  std::string boot_;
  const crypto::KeyPair keys_;
  const WorkerId id_;
  std::unique_ptr<memory::MemoryWriter> writer_;
  std::uint64_t sequence_ = 0;
  std::string last_;
};

}  // namespace dossier::test
