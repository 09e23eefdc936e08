// Requests and answers in protobuf.
#include "worker/gateway_topics.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "dossier/v1/gateway.pb.h"
#include "platform/json/json.hpp"
#include "worker/registration.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kErrorPauseMs = 250;

http_client::Headers headers_of(const GatewayOptions& options) {
  return {{"dossier-worker", options.worker_id}, {"content-type", "application/x-protobuf"}};
}

topic::Appended lost(const Error& error) { return {topic::Outcome::unknown, -1, Code::log_unavailable, error.message}; }

Code code_of(const std::string& name) {
  for (const Code code : {Code::overloaded, Code::payload_too_large, Code::forbidden, Code::invalid_field, Code::shutting_down})
    if (to_string(code) == name) return code;
  return Code::log_unavailable;
}

// A fate that this worker does not know counts as unknown: the record is sent again.
topic::Appended appended_of(const v1::GatewayOutcome& outcome) {
  topic::Appended appended;
  appended.code = code_of(outcome.code());
  appended.reason = outcome.reason();
  if (outcome.fate() == v1::GatewayOutcome::ACKNOWLEDGED) {
    appended.outcome = topic::Outcome::acknowledged;
    appended.offset = outcome.offset();
  } else if (outcome.fate() == v1::GatewayOutcome::REFUSED) {
    appended.outcome = topic::Outcome::refused;
  }
  return appended;
}

class GatewayWriter final : public topic::Writer {
 public:
  GatewayWriter(http_client::Client client, GatewayOptions options, GatewayWriterLimits limits)
      : options_(std::move(options)), limits_(limits), client_(std::move(client)), thread_([this] { run(); }) {}
  ~GatewayWriter() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    client_.interrupt();
    changed_.notify_all();
    thread_.join();
    for (auto& queued : queue_) queued.done({topic::Outcome::refused, -1, Code::shutting_down, "the writer was closed"});
  }

  void append(topic::Outgoing record, Done done) override {
    Queued queued;
    queued.record.set_topic(record.topic == options_.reports_topic ? v1::GatewayRecord::REPORTS : v1::GatewayRecord::ACTIVITY);
    const std::size_t size = record.value.size();
    Code refused = Code::overloaded;
    std::string why = "too much is on the way to the gateway";
    if (record.topic != options_.reports_topic && record.topic != options_.activity_topic) {
      refused = Code::forbidden;
      why = "the gateway takes reports and activity, not " + record.topic;
    } else if (size > limits_.max_record_bytes) {
      refused = Code::payload_too_large;
      why = "a record of " + std::to_string(size) + " bytes is more than the gateway takes";
    } else {
      queued.record.set_value(std::move(record.value));
      queued.done = std::move(done);
      const std::lock_guard lock(mutex_);
      if (in_flight_ + queue_.size() < limits_.max_records && bytes_ + size <= limits_.max_bytes) {
        bytes_ += size;
        queue_.push_back(std::move(queued));
        changed_.notify_all();
        return;
      }
      done = std::move(queued.done);
    }
    done({topic::Outcome::refused, -1, refused, why});
  }

  bool flush(std::int64_t timeout_ms) override {
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return queue_.empty() && in_flight_ == 0; });
  }
  bool healthy() const override { return true; }

 private:
  struct Queued {
    v1::GatewayRecord record;
    Done done;
  };

  void run() {
    ::pthread_setname_np(::pthread_self(), "gateway-writer");
    for (;;) {
      std::vector<Done> waiting;
      v1::GatewayAppend request;
      std::size_t bytes = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        if (limits_.linger_ms > 0 && queue_.size() < static_cast<std::size_t>(limits_.max_request_records))
          changed_.wait_for(lock, std::chrono::milliseconds(limits_.linger_ms), [&] { return stopping_; });
        while (!queue_.empty() && request.records_size() < limits_.max_request_records) {
          const std::size_t size = queue_.front().record.value().size();
          if (bytes > 0 && bytes + size > limits_.max_request_bytes) break;
          bytes += size;
          *request.add_records() = std::move(queue_.front().record);
          waiting.push_back(std::move(queue_.front().done));
          queue_.pop_front();
        }
        in_flight_ = waiting.size();
      }
      const bool answered = send(request, waiting);
      std::unique_lock lock(mutex_);
      bytes_ -= bytes;
      in_flight_ = 0;
      idle_.notify_all();
      // Whoever appended sends again after pauses of its own; this one keeps a dead server from being asked without rest.
      if (!answered) changed_.wait_for(lock, std::chrono::milliseconds(kErrorPauseMs), [&] { return stopping_; });
    }
  }

  // Calls every done. False: no answer, or none that could be read.
  bool send(const v1::GatewayAppend& request, std::vector<Done>& waiting) {
    const auto all = [&](const topic::Appended& appended) {
      for (auto& done : waiting) done(appended);
    };
    const auto response = client_.request("POST", "/v1/gateway/records", request.SerializeAsString(), headers_of(options_));
    if (!response) {
      all(lost(response.error()));
      return false;
    }
    if (response->status != 200) {
      const Error error = error_of_reply(*response);
      // Transient ones say nothing about the records; others are about the request, of which nothing was appended.
      if (is_transient(error.code))
        all(lost(error));
      else
        all({topic::Outcome::refused, -1, error.code, error.message});
      return false;
    }
    v1::GatewayAppended appended;
    if (!appended.ParseFromString(response->body) || appended.outcomes_size() != static_cast<int>(waiting.size())) {
      all(lost(make_error(Code::corrupt, "the gateway's answer can't be read")));
      return false;
    }
    for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i](appended_of(appended.outcomes(static_cast<int>(i))));
    return true;
  }

  const GatewayOptions options_;
  const GatewayWriterLimits limits_;
  http_client::Client client_;  // of the thread, but for interrupt()
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable idle_;
  std::deque<Queued> queue_;
  std::size_t bytes_ = 0;  // queued and in flight
  std::size_t in_flight_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

class GatewayReader final : public topic::Reader {
 public:
  GatewayReader(http_client::Client client, GatewayOptions options) : options_(std::move(options)), client_(std::move(client)) {}

  Status assign(const std::vector<topic::Position>& positions) override {
    next_ = -1;
    for (const topic::Position& position : positions) {
      if (position.topic != options_.control_topic || position.partition != 0)
        return make_error(Code::forbidden, "the gateway gives the control topic alone, not " + position.topic);
      next_ = position.offset;
    }
    return {};
  }
  Result<topic::Polled> poll(const topic::PollLimits& limits) override {
    topic::Polled polled;
    if (next_ < 0) return polled;
    TRY(const v1::GatewayControl control, ask(next_, std::max(limits.wait_ms, kGatewayWaitMs)));
    for (const v1::GatewayMessage& message : control.messages()) {
      topic::Record record;
      record.topic = options_.control_topic;
      record.offset = message.offset();
      record.value = message.value();
      polled.records.push_back(std::move(record));
    }
    next_ = control.next();
    if (next_ >= control.end()) polled.at_end.emplace_back(options_.control_topic, 0);
    return polled;
  }
  Result<topic::Watermarks> watermarks(std::string_view topic, std::int32_t, std::int64_t) override {
    if (topic != options_.control_topic) return make_error(Code::forbidden, "the gateway gives the control topic alone, not " + std::string(topic));
    TRY(const v1::GatewayControl control, ask(-1, 0));
    return topic::Watermarks{control.begin(), control.end()};
  }
  Result<std::int32_t> partition_count(std::string_view, std::int64_t) override { return 1; }

 private:
  Result<v1::GatewayControl> ask(std::int64_t offset, std::int64_t wait_ms) {
    const std::string target = "/v1/gateway/control?offset=" + std::to_string(offset) + "&wait_ms=" + std::to_string(wait_ms);
    TRY(const http_client::Response response, client_.request("GET", target, {}, headers_of(options_)));
    if (response.status != 200) {
      Error error = error_of_reply(response);
      const auto problem = json::parse(response.body);
      if (problem && problem->text("code") == to_string(Code::log_mismatch)) error.code = Code::log_mismatch;
      return error;
    }
    v1::GatewayControl control;
    if (!control.ParseFromString(response.body)) return make_error(Code::corrupt, "the gateway's answer can't be read");
    return control;
  }

  const GatewayOptions options_;
  http_client::Client client_;
  std::int64_t next_ = -1;
};

}  // namespace

Result<std::unique_ptr<topic::Writer>> make_gateway_writer(const GatewayOptions& options, const GatewayWriterLimits& limits) {
  TRY(auto client, http_client::Client::make(options.api));
  return std::unique_ptr<topic::Writer>(std::make_unique<GatewayWriter>(std::move(client), options, limits));
}

Result<std::unique_ptr<topic::Reader>> make_gateway_reader(const GatewayOptions& options) {
  TRY(auto client, http_client::Client::make(options.api));
  return std::unique_ptr<topic::Reader>(std::make_unique<GatewayReader>(std::move(client), options));
}

}  // namespace dossier::worker
