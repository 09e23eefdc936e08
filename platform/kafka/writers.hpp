// Inside platform/kafka only: the two writers behind make_writer.
//
// Both copy a record into the library and tell its outcome once; a record's context lives from append() until its report,
// which librdkafka promises exactly once for each record that it took, also for those purged by the destructor.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "platform/kafka/producer.hpp"

namespace dossier::kafka {

class KafkaWriter : public topic::Writer, protected Producer::Listener {
 public:
  bool flush(std::int64_t timeout_ms) final { return outstanding_.wait_for_none(timeout_ms); }
  bool healthy() const final { return healthy_; }
  virtual void raise_fatal_error() = 0;

 protected:
  explicit KafkaWriter(const WriterOptions& options) : options_(options), outstanding_(options) {}
  // What the record costs; 0: it was refused, and `done` knows.
  std::size_t admit(const topic::Outgoing& record, const Done& done);
  void on_fatal_error(const char* reason) noexcept final;
  // The library did not take it.
  void refuse(const Done& done, std::size_t bytes, const KafkaError& error);

  static constexpr int kServeMs = 100;  // how often an idle thread looks whether it should end

  const WriterOptions options_;
  Outstanding outstanding_;
  std::atomic<bool> healthy_{true};
  std::atomic<bool> stopping_{false};
};

// Batches of a partition, one on its way at a time, for topics that sync before they acknowledge. `grouped`: the same settings
// with a linger longer than any group takes to be handed over.
Result<std::unique_ptr<topic::Writer>> make_commit_writer(Conf alone, Conf grouped, const WriterOptions& options);

}  // namespace dossier::kafka
