// A worker in a test's hand on a real installation: registered over HTTP, its reports signed and on Kafka, as the real one's
// are; what it is told is read from its pool's control topic. One thread per object.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "platform/crypto/crypto.hpp"
#include "platform/topic/topic.hpp"
#include "tests/support/installation.hpp"

namespace dossier::test {

class ScriptedWorker {
 public:
  // Registered and heard of: the server lists it as online. Throws std::runtime_error.
  ScriptedWorker(Installation& at, const std::string& name);

  const std::string& id() const { return id_; }
  void heartbeat();
  // Claims the task once it is offered to this worker; throws where it is not. From then on heartbeats name it.
  v1::Fence claim(const std::string& task);
  // The next report under this fence.
  void report(const v1::Fence& fence, const std::function<void(v1::Report&)>& fill);
  // The last one once more, byte for byte.
  void repeat_last() { append(last_); }
  // All that it was told so far, of one kind. Reads on.
  std::vector<v1::ControlMessage> told(v1::ControlMessage::MessageCase kind);
  // True once condition() holds; heartbeats meanwhile.
  bool eventually(const std::function<bool()>& condition, std::int64_t deadline_ms = 60'000);

 private:
  void append(const std::string& value);
  std::string signed_report(v1::Report report, std::uint64_t sequence) const;

  Installation& at_;
  const crypto::KeyPair keys_;
  std::string id_, reports_, control_;
  std::int32_t partition_ = 0;
  std::unique_ptr<topic::Writer> writer_;
  std::unique_ptr<topic::Reader> reader_;
  std::vector<v1::ControlMessage> heard_;
  std::vector<v1::Fence> running_;
  std::uint64_t sequence_ = 0;
  std::string last_;
};

}  // namespace dossier::test
