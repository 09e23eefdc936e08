// Inside platform/kafka only: a librdkafka producer, the handles of its topics, and what its reports mean.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "platform/kafka/client.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::kafka {

// Thread-safe, but that reports are served by one thread at a time.
class Producer {
 public:
  class Listener {
   public:
    // On the thread that serves, once for each record taken. `opaque` is the one of produce().
    virtual void on_delivery(void* opaque, const topic::Appended& appended, bool timed_out) = 0;
    // On the thread that serves; this producer takes no record any more.
    virtual void on_fatal_error(const char* reason) noexcept = 0;

   protected:
    ~Listener() = default;
  };

  // The listener outlives it. Code::usage: the configuration.
  static Result<std::unique_ptr<Producer>> make(Conf conf, Listener& listener);
  // Every record has been reported by now: purge() and serve() before.
  ~Producer();

  // Asks for the topic's leaders, so that its first record need not wait for that.
  void prepare(const std::string& topic) { (void)handle_of(topic); }
  // Null: the library has copied the record, taken the headers, and will report.
  KafkaError produce(const topic::Outgoing& record, Headers& headers, void* opaque);
  void serve(int timeout_ms) { rd_kafka_poll(client_, timeout_ms); }
  // What lingers is sent, all of a partition in one request (up to batch.size and batch.num.messages); then reports are served until none is missing,
  // or the time is over.
  void send_and_serve(int timeout_ms) { rd_kafka_flush(client_, timeout_ms); }
  // Inside on_delivery: send_and_serve() or serve() of that thread comes back after it.
  void yield() { rd_kafka_yield(client_); }
  // What is queued is reported as refused, what is in flight as unknown.
  void purge() { rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT); }
  void raise_fatal_error();

 private:
  explicit Producer(Listener& listener) : listener_(listener) {}
  rd_kafka_topic_t* handle_of(const std::string& name);
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) noexcept;
  static void on_error(rd_kafka_t*, int error, const char* reason, void* self) noexcept;

  Listener& listener_;
  rd_kafka_t* client_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, Topic> topics_;
};

// The record's, for Producer::produce; nullptr: none.
Headers headers_of(const topic::Outgoing& record);
// What it costs of a writer's bounds.
std::size_t size_of(const topic::Outgoing& record);
// `done` is told inside append(), or by a thread of the writer.
void refuse(const topic::Writer::Done& done, Code code, std::string reason);

// What a writer has taken and not yet told the outcome of. Thread-safe.
class Outstanding {
 public:
  explicit Outstanding(const WriterOptions& options) : options_(options) {}
  // False: too much is outstanding.
  bool add(std::size_t bytes);
  void remove(std::size_t bytes);
  bool none() const;
  bool wait_for_none(std::int64_t timeout_ms);

 private:
  const WriterOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable none_;
  std::size_t records_ = 0, bytes_ = 0;
};

}  // namespace dossier::kafka
