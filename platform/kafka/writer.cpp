// What writers have in common, the plain one, and the settings of each kind.
#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>

#include "base/log.hpp"
#include "platform/kafka/testing.hpp"
#include "platform/kafka/writers.hpp"

namespace dossier::kafka {

std::size_t KafkaWriter::admit(const topic::Outgoing& record, const Done& done) {
  const std::size_t bytes = size_of(record);
  if (bytes > options_.max_record_bytes)
    kafka::refuse(done, Code::payload_too_large, "a record of " + std::to_string(bytes) + " bytes is over the limit");
  else if (!healthy_)
    kafka::refuse(done, Code::log_unavailable, "the writer met a fatal error and must be replaced");
  else if (!outstanding_.add(bytes))
    kafka::refuse(done, Code::overloaded, "too many records wait for the log");
  else
    return bytes;
  return 0;
}

void KafkaWriter::on_fatal_error(const char* reason) noexcept {
  if (!healthy_.exchange(false)) return;
  try {
    log::error("kafka", std::string("a writer met a fatal error and takes no more records: ") + reason);
  } catch (...) {  // out of memory: the line is short then, and the state is not lost
    std::fputs("a writer met a fatal error and takes no more records\n", stderr);
  }
}

void KafkaWriter::refuse(const Done& done, std::size_t bytes, const KafkaError& error) {
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
  if (rd_kafka_error_is_fatal(error.get()) != 0) on_fatal_error(rd_kafka_error_string(error.get()));
  kafka::refuse(done, code_of(code), rd_kafka_error_string(error.get()));
  outstanding_.remove(bytes);
}

namespace {

// Threads: append() on any; one of its own serves reports and errors, and `done` runs there.
class PlainWriter final : public KafkaWriter {
 public:
  static Result<std::unique_ptr<topic::Writer>> make(Conf conf, const WriterOptions& options) {
    std::unique_ptr<PlainWriter> writer(new PlainWriter(options));
    TRY(writer->producer_, Producer::make(std::move(conf), *writer));
    writer->thread_ = std::thread([self = writer.get()] { self->serve(); });
    return std::unique_ptr<topic::Writer>(std::move(writer));
  }
  ~PlainWriter() override {
    if (!thread_.joinable()) return;
    producer_->purge();
    stopping_ = true;
    thread_.join();
  }

  void append(topic::Outgoing record, Done done) override {
    const std::size_t bytes = admit(record, done);
    if (bytes == 0) return;
    Headers headers = headers_of(record);
    auto pending = std::make_unique<Pending>(Pending{bytes, std::move(done)});
    const KafkaError error = producer_->produce(record, headers, pending.get());
    if (error == nullptr)
      (void)pending.release();  // on_delivery takes it back
    else
      refuse(pending->done, bytes, error);
  }

  void raise_fatal_error() override { producer_->raise_fatal_error(); }

 private:
  struct Pending {
    std::size_t bytes;
    Done done;
  };

  explicit PlainWriter(const WriterOptions& options) : KafkaWriter(options) {}

  void on_delivery(void* opaque, const topic::Appended& appended, bool) override {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(opaque));
    pending->done(appended);
    outstanding_.remove(pending->bytes);
  }

  void serve() {
    while (!stopping_ || !outstanding_.none()) producer_->serve(stopping_ ? 1 : kServeMs);
  }

  std::unique_ptr<Producer> producer_;
  std::thread thread_;
};

// The settings in which the kinds differ.
struct Tuning {
  std::string linger_ms;
  const char* compression;
};
Tuning tuning_of(WriterKind kind) {
  switch (kind) {
    case WriterKind::commits:
    case WriterKind::messages: return {"0", "lz4"};
    case WriterKind::activity: return {"20", "zstd"};
  }
  return {"0", "none"};
}

Result<Conf> make_writer_conf(const Cluster& cluster, const Tuning& tuning, const WriterOptions& options) {
  return make_conf(cluster, {{"enable.idempotence", "true"},
                             {"acks", "all"},
                             {"max.in.flight.requests.per.connection", "5"},
                             {"linger.ms", tuning.linger_ms},
                             {"compression.type", tuning.compression},
                             {"batch.size", "1000000"},
                             {"batch.num.messages", "10000"},
                             // The topic's own limit; size_of() has counted more than this for every record.
                             {"message.max.bytes", std::to_string(options.max_record_bytes)},
                             {"message.timeout.ms", std::to_string(options.message_timeout_ms)},
                             {"request.timeout.ms", "5000"},
                             {"socket.timeout.ms", "10000"},
                             {"retry.backoff.ms", "50"},
                             // Ours are the bounds that count; the library's are a little wider, so that they never do.
                             {"queue.buffering.max.messages", std::to_string(options.max_records + 1)},
                             {"queue.buffering.max.kbytes", std::to_string(options.max_bytes / 1024 + 1024)}});
}

}  // namespace

void raise_fatal_error(topic::Writer& writer) { dynamic_cast<KafkaWriter&>(writer).raise_fatal_error(); }

Result<std::unique_ptr<topic::Writer>> make_writer(const Cluster& cluster, WriterKind kind, const WriterOptions& options) {
  Tuning tuning = tuning_of(kind);
  TRY(Conf conf, make_writer_conf(cluster, tuning, options));
  if (kind != WriterKind::commits) return PlainWriter::make(std::move(conf), options);
  // A group is sent by a flush; were it forgotten, it would go by itself after this. The library wants less than a record's time.
  tuning.linger_ms = std::to_string(std::min<std::int64_t>(100, options.message_timeout_ms / 2));
  TRY(Conf grouped, make_writer_conf(cluster, tuning, options));
  return make_commit_writer(std::move(conf), std::move(grouped), options);
}

}  // namespace dossier::kafka
