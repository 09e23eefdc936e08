// topic::Writer on an idempotent librdkafka producer.
//
// Threads: append() on any; one thread of the writer serves delivery reports and errors, and `done` runs there. A record's
// context lives from append() until its delivery report, which librdkafka promises exactly once per accepted record, also
// for those purged by the destructor.
//
// A writer of commits keeps one batch a partition on its way: what comes meanwhile waits here, not in the library, whose
// thread would ask its socket again and again for as long as records are due that it may not send (2.0.2: a quarter of a
// core with 64 writers). So writers batch themselves while the broker syncs, and one alone waits for nothing.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "platform/kafka/client.hpp"
#include "platform/kafka/testing.hpp"

namespace dossier::kafka {
namespace {

constexpr int kServeMs = 100;               // how often an idle writer's thread looks whether it should end
constexpr std::size_t kHeaderBytes = 16;    // what a header or record costs besides its text, generously
constexpr std::size_t kMaxTopics = 10'000;  // whose handles a writer keeps; the first records of further ones may wait a second

class KafkaWriter final : public topic::Writer {
 public:
  static Result<std::unique_ptr<topic::Writer>> make(Conf conf, const WriterOptions& options, bool one_batch_at_a_time) {
    std::unique_ptr<KafkaWriter> writer(new KafkaWriter(options, one_batch_at_a_time));
    rd_kafka_conf_set_opaque(conf.get(), writer.get());
    rd_kafka_conf_set_dr_msg_cb(conf.get(), &KafkaWriter::on_delivery);
    rd_kafka_conf_set_error_cb(conf.get(), &KafkaWriter::on_error);
    TRY(writer->client_, make_client(RD_KAFKA_PRODUCER, std::move(conf)));
    writer->thread_ = std::thread([self = writer.get()] { self->serve(); });
    return std::unique_ptr<topic::Writer>(std::move(writer));
  }

  ~KafkaWriter() override {
    if (client_ == nullptr) return;
    refuse_waiting();
    rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    stopping_ = true;
    thread_.join();
    topics_.clear();
    rd_kafka_destroy(client_);
  }

  void append(topic::Outgoing record, Done done) override {
    const std::size_t bytes = size_of(record);
    if (bytes > options_.max_record_bytes)
      return refuse(done, Code::payload_too_large, "a record of " + std::to_string(bytes) + " bytes is over the limit");
    if (!healthy_) return refuse(done, Code::log_unavailable, "the writer met a fatal error and must be replaced");
    if (!reserve(bytes)) return refuse(done, Code::overloaded, "too many records wait for the log");
    auto pending = std::make_unique<Pending>(Pending{this, bytes, std::move(done), nullptr});
    if (one_batch_at_a_time_) {
      const std::lock_guard lock(mutex_);
      Lane& lane = lanes_[{record.topic, record.partition}];
      pending->lane = &lane;
      if (lane.on_their_way > 0) {
        lane.waiting.push_back({std::move(record), std::move(pending)});
        return;
      }
      lane.on_their_way = 1;
    }
    submit(record, std::move(pending));
  }

  bool flush(std::int64_t timeout_ms) override {
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return records_ == 0; });
  }

  bool healthy() const override { return healthy_; }

  void raise_fatal_error() { rd_kafka_test_fatal_error(client_, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "raised by a test"); }

 private:
  struct Lane;
  struct Pending {
    KafkaWriter* writer;
    std::size_t bytes;
    Done done;
    Lane* lane;  // nullptr where a partition may have several batches on their way
  };
  struct Waiting {
    topic::Outgoing record;
    std::unique_ptr<Pending> pending;
  };
  // One partition's records; waiting.size() is bounded by reserve().
  struct Lane {
    std::size_t on_their_way = 0;
    std::deque<Waiting> waiting;
  };

  KafkaWriter(const WriterOptions& options, bool one_batch_at_a_time) : options_(options), one_batch_at_a_time_(one_batch_at_a_time) {}

  void submit(const topic::Outgoing& record, std::unique_ptr<Pending> pending) {
    if (const KafkaError error{produce(record, pending.get())}) {
      if (rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__FATAL) fail(rd_kafka_error_string(error.get()));
      refuse(pending->done, code_of(rd_kafka_error_code(error.get())), rd_kafka_error_string(error.get()));
      release(pending->bytes);
      return arrived(pending->lane, false);
    }
    (void)pending.release();  // on_delivery takes it back
  }

  // One record of the lane has its outcome. After the last of a batch the next one goes; if the log was silent for a
  // record's whole time, what waited behind it has waited long enough too.
  void arrived(Lane* lane, bool timed_out) {
    if (lane == nullptr) return;
    const bool goes_on = !timed_out && healthy_;
    std::deque<Waiting> next;
    {
      const std::lock_guard lock(mutex_);
      if (--lane->on_their_way > 0) return;
      next.swap(lane->waiting);
      if (goes_on) lane->on_their_way = next.size();
    }
    for (Waiting& one : next) {
      if (goes_on) {
        submit(one.record, std::move(one.pending));
        continue;
      }
      refuse(one.pending->done, Code::log_unavailable, "the log did not take the records before this one");
      release(one.pending->bytes);
    }
  }

  void refuse_waiting() {
    std::deque<Waiting> all;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [partition, lane] : lanes_) {
        for (Waiting& one : lane.waiting) all.push_back(std::move(one));
        lane.waiting.clear();
      }
    }
    for (const Waiting& one : all) {
      refuse(one.pending->done, Code::log_unavailable, "the writer ended before the record was sent");
      release(one.pending->bytes);
    }
  }

  static std::size_t size_of(const topic::Outgoing& record) {
    std::size_t bytes = record.key.size() + record.value.size() + kHeaderBytes;
    for (const auto& header : record.headers) bytes += header.name.size() + header.value.size() + kHeaderBytes;
    return bytes;
  }

  static void refuse(const Done& done, Code code, std::string reason) { done(topic::Appended{topic::Outcome::refused, -1, code, std::move(reason)}); }

  bool reserve(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (records_ >= options_.max_records || bytes_ + bytes > options_.max_bytes) return false;
    ++records_;
    bytes_ += bytes;
    return true;
  }

  void release(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    --records_;
    bytes_ -= bytes;
    if (records_ == 0) idle_.notify_all();
  }

  // Made at the topic's first record, since making it asks for the topic's leader at once. A first record that only names
  // its topic waits for the library's look at topics without a leader, once a second (2.0.2, measured: 1,000 ms against 5).
  // nullptr: the library refuses the name, and will say why of the record; or there are too many.
  rd_kafka_topic_t* handle_of(const std::string& name) {
    const std::lock_guard lock(topics_mutex_);
    const auto found = topics_.find(name);
    if (found != topics_.end()) return found->second.get();
    if (topics_.size() >= kMaxTopics) return nullptr;
    Topic made(rd_kafka_topic_new(client_, name.c_str(), nullptr));
    return made == nullptr ? nullptr : topics_.emplace(name, std::move(made)).first->second.get();
  }

  // Null: librdkafka has taken a copy of the record, and will report on it.
  rd_kafka_error_t* produce(const topic::Outgoing& record, Pending* pending) {
    std::vector<rd_kafka_vu_t> arguments(6 + record.headers.size());
    std::size_t count = 0;
    auto next = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
      arguments[count].vtype = type;
      return arguments[count++];
    };
    if (rd_kafka_topic_t* const topic = handle_of(record.topic); topic != nullptr)
      next(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
    else
      next(RD_KAFKA_VTYPE_TOPIC).u.cstr = record.topic.c_str();
    next(RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition;
    next(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
    rd_kafka_vu_t& value = next(RD_KAFKA_VTYPE_VALUE);
    value.u.mem.ptr = const_cast<char*>(record.value.data());  // copied, not changed
    value.u.mem.size = record.value.size();
    rd_kafka_vu_t& opaque = next(RD_KAFKA_VTYPE_OPAQUE);
    opaque.u.ptr = pending;
    if (!record.key.empty()) {
      rd_kafka_vu_t& key = next(RD_KAFKA_VTYPE_KEY);
      key.u.mem.ptr = const_cast<char*>(record.key.data());
      key.u.mem.size = record.key.size();
    }
    for (const auto& header : record.headers) {
      rd_kafka_vu_t& entry = next(RD_KAFKA_VTYPE_HEADER);
      entry.u.header.name = header.name.c_str();
      entry.u.header.val = header.value.data();
      entry.u.header.size = static_cast<ssize_t>(header.value.size());
    }
    return rd_kafka_produceva(client_, arguments.data(), count);
  }

  // On the writer's thread, inside rd_kafka_poll.
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) noexcept {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(message->_private));
    pending->done(outcome_of(*message));
    pending->writer->release(pending->bytes);
    pending->writer->arrived(pending->lane, message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  }

  static topic::Appended outcome_of(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (message.offset >= 0) return {topic::Outcome::acknowledged, message.offset, Code::internal, {}};
      // The broker recognised a retry of a batch which it no longer remembers the place of.
      return {topic::Outcome::unknown, -1, Code::unacknowledged, "acknowledged without an offset"};
    }
    // PERSISTED with an error can't be: still, only "not persisted" may be called refused.
    const bool surely_not = rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    return {surely_not ? topic::Outcome::refused : topic::Outcome::unknown, -1, code_of(message.err), rd_kafka_err2str(message.err)};
  }

  static void on_error(rd_kafka_t*, int error, const char* reason, void* self) noexcept {
    if (error == RD_KAFKA_RESP_ERR__FATAL) static_cast<KafkaWriter*>(self)->fail(reason);
  }

  void fail(const char* reason) noexcept {
    if (!healthy_.exchange(false)) return;
    try {
      log::error("kafka", std::string("a writer met a fatal error and takes no more records: ") + reason);
    } catch (...) {  // out of memory: the line is short then, and the state is not lost
      std::fputs("a writer met a fatal error and takes no more records\n", stderr);
    }
  }

  void serve() {
    const auto drained = [this] {
      const std::lock_guard lock(mutex_);
      return records_ == 0;
    };
    while (!stopping_ || !drained()) rd_kafka_poll(client_, stopping_ ? 1 : kServeMs);
  }

  const WriterOptions options_;
  const bool one_batch_at_a_time_;
  rd_kafka_t* client_ = nullptr;
  std::thread thread_;
  std::atomic<bool> healthy_{true};
  std::atomic<bool> stopping_{false};
  std::mutex topics_mutex_;
  std::map<std::string, Topic> topics_;
  std::mutex mutex_;  // guards what follows; never held while `done` or librdkafka runs
  std::condition_variable idle_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  std::map<std::pair<std::string, std::int32_t>, Lane> lanes_;  // addresses stay
};

// The settings in which the kinds differ.
struct Tuning {
  const char* in_flight;
  const char* linger_ms;
  const char* compression;
  const char* batch_bytes;
};
Tuning tuning_of(WriterKind kind) {
  switch (kind) {
    case WriterKind::commits: return {"5", "0", "lz4", "1000000"};
    case WriterKind::activity: return {"5", "20", "zstd", "1000000"};
    case WriterKind::messages: return {"5", "0", "lz4", "1000000"};
  }
  return {"5", "0", "none", "1000000"};
}

}  // namespace

void raise_fatal_error(topic::Writer& writer) { dynamic_cast<KafkaWriter&>(writer).raise_fatal_error(); }

Result<std::unique_ptr<topic::Writer>> make_writer(const Cluster& cluster, WriterKind kind, const WriterOptions& options) {
  const Tuning tuning = tuning_of(kind);
  TRY(Conf conf, make_conf(cluster, {{"enable.idempotence", "true"},
                                     {"acks", "all"},
                                     {"max.in.flight.requests.per.connection", tuning.in_flight},
                                     {"linger.ms", tuning.linger_ms},
                                     {"compression.type", tuning.compression},
                                     {"batch.size", tuning.batch_bytes},
                                     {"batch.num.messages", "10000"},
                                     // The topic's own limit; reserve() has counted more than this for every record.
                                     {"message.max.bytes", std::to_string(options.max_record_bytes)},
                                     {"message.timeout.ms", std::to_string(options.message_timeout_ms)},
                                     {"request.timeout.ms", "5000"},
                                     {"socket.timeout.ms", "10000"},
                                     {"retry.backoff.ms", "50"},
                                     // Ours are the bounds that count; the library's are a little wider, so that they never do.
                                     {"queue.buffering.max.messages", std::to_string(options.max_records + 1)},
                                     {"queue.buffering.max.kbytes", std::to_string(options.max_bytes / 1024 + 1024)}}));
  return KafkaWriter::make(std::move(conf), options, kind == WriterKind::commits);
}

}  // namespace dossier::kafka
