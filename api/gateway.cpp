// /v1/gateway: Kafka on behalf of workers that have no route to it. They sign what they say as any worker does, so nothing
// here is trusted more than the log is; what is checked here only keeps one workspace's workers out of another's records.
#include <atomic>
#include <charconv>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "api/problem.hpp"
#include "api/resources.hpp"
#include "base/ids.hpp"
#include "dossier/v1/gateway.pb.h"
#include "dossier/v1/worker.pb.h"
#include "events/names.hpp"
#include "producers/control_follower.hpp"
#include "producers/report_check.hpp"

namespace dossier::api::gateway {
namespace {

constexpr int kMaxRecords = 2'000;  // a request; its bytes are bounded as those of every body
constexpr std::int64_t kMaxWaitMs = 20'000;
constexpr std::string_view kProtobuf = "application/x-protobuf";

http::Response protobuf(const google::protobuf::MessageLite& message) {
  http::Response response;
  response.body = message.SerializeAsString();
  response.set("Content-Type", std::string(kProtobuf));
  response.set("Cache-Control", "no-store");
  return response;
}

// A workspace's own pool bears its id.
const std::string& pool_of(const Call& call) { return call.access.workspace; }

Status require_gateway(const Call& call) {
  const WorkerAccess& access = call.environment->workers;
  if (access.control == nullptr || access.records == nullptr)
    return make_error(Code::log_unavailable, "this server has no way to the log for workers");
  return {};
}

Result<std::string> worker_of(const Call& call) {
  const std::string& worker = call.access.principal.id;
  if (!is_id(worker, WorkerId::prefix())) return make_error(Code::invalid_field, "must name the worker that asks, wkr_…", "Dossier-Worker");
  return worker;
}

// Where a record goes; forbidden: it speaks for another workspace or worker.
Result<topic::Outgoing> outgoing_of(const Call& call, const std::string& worker, const v1::GatewayRecord& record) {
  const WorkerAccess& access = call.environment->workers;
  const auto check = [&](const std::string& workspace_id, const std::string& worker_id) -> Status {
    if (workspace_id != call.access.workspace) return make_error(Code::forbidden, "the record is another workspace's", "workspace_id");
    if (worker_id != worker) return make_error(Code::forbidden, "the record is another worker's", "worker_id");
    return {};
  };
  if (record.topic() == v1::GatewayRecord::REPORTS) {
    TRY(const producers::CheckedForm form, producers::read_report(record.value()));
    if (form.is_tick) return make_error(Code::forbidden, "only the server moves time", "worker_id");
    TRY_STATUS(check(form.report.workspace_id(), form.report.worker_id()));
    return topic::Outgoing{access.topics.reports(),
                           events::partition_of(form.report.workspace_id(), access.reports_partitions),
                           form.report.workspace_id(),
                           record.value(),
                           {}};
  }
  if (record.topic() == v1::GatewayRecord::ACTIVITY) {
    v1::SignedActivity outer;
    v1::ActivityRecord body;
    if (!outer.ParseFromString(record.value()) || !body.ParseFromString(outer.body()) || !is_id(body.session_id(), SessionId::prefix()))
      return make_error(Code::invalid_field, "is no SignedActivity of a session", "value");
    TRY_STATUS(check(body.workspace_id(), body.worker_id()));
    return topic::Outgoing{
        access.topics.activity(), events::partition_of(body.session_id(), access.activity_partitions), body.session_id(), record.value(), {}};
  }
  return make_error(Code::invalid_field, "must be REPORTS or ACTIVITY", "topic");
}

v1::GatewayOutcome outcome_of(const topic::Appended& appended) {
  v1::GatewayOutcome outcome;
  switch (appended.outcome) {
    case topic::Outcome::acknowledged:
      outcome.set_fate(v1::GatewayOutcome::ACKNOWLEDGED);
      outcome.set_offset(appended.offset);
      return outcome;
    case topic::Outcome::unknown: outcome.set_fate(v1::GatewayOutcome::UNKNOWN); break;
    case topic::Outcome::refused: outcome.set_fate(v1::GatewayOutcome::REFUSED); break;
  }
  outcome.set_code(std::string(to_string(appended.code)));
  outcome.set_reason(appended.reason);
  return outcome;
}

// The outcomes of one request's records, in whatever order and on whatever thread they come.
class Gathered {
 public:
  Gathered(int records, http::Responder responder) : left_(records), responder_(std::move(responder)) {
    for (int i = 0; i < records; ++i) appended_.add_outcomes();
  }
  void set(int index, v1::GatewayOutcome outcome) {
    {
      const std::lock_guard lock(mutex_);
      *appended_.mutable_outcomes(index) = std::move(outcome);
    }
    if (left_.fetch_sub(1) == 1) responder_(protobuf(appended_));
  }

 private:
  std::mutex mutex_;
  std::atomic<int> left_;
  v1::GatewayAppended appended_;
  const http::Responder responder_;
};

void append(CallPtr call, http::Responder responder) {
  if (const Status there = require_gateway(*call); !there) return responder(problem(there.error()));
  const auto worker = worker_of(*call);
  if (!worker) return responder(problem(worker.error()));
  v1::GatewayAppend request;
  if (!request.ParseFromString(call->request.body))
    return responder(problem(make_error(Code::invalid_field, "must be a GatewayAppend in protobuf", "body")));
  if (request.records_size() == 0) return responder(protobuf(v1::GatewayAppended()));
  if (request.records_size() > kMaxRecords)
    return responder(problem(make_error(Code::payload_too_large, "a request takes at most " + std::to_string(kMaxRecords) + " records", "records")));
  const auto gathered = std::make_shared<Gathered>(request.records_size(), std::move(responder));
  for (int i = 0; i < request.records_size(); ++i) {
    auto record = outgoing_of(*call, *worker, request.records(i));
    if (!record) {
      gathered->set(i, outcome_of({topic::Outcome::refused, -1, record.error().code, record.error().message}));
      continue;
    }
    call->environment->workers.records->append(*std::move(record),
                                               [gathered, i](const topic::Appended& appended) { gathered->set(i, outcome_of(appended)); });
  }
}

Result<std::int64_t> number_parameter(const Call& call, std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  const std::string* text = call.request.parameter(name);
  if (text == nullptr) return fallback;
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failed != std::errc() || end != text->data() + text->size() || number < least || number > most)
    return make_error(Code::invalid_field, "must be a number from " + std::to_string(least) + " to " + std::to_string(most), std::string(name));
  return number;
}

void read_control(CallPtr call, http::Responder responder) {
  if (const Status there = require_gateway(*call); !there) return responder(problem(there.error()));
  const auto worker = worker_of(*call);
  const auto offset = number_parameter(*call, "offset", -1, -1, INT64_MAX);
  const auto wait_ms = number_parameter(*call, "wait_ms", 0, 0, kMaxWaitMs);
  if (!worker) return responder(problem(worker.error()));
  if (!offset) return responder(problem(offset.error()));
  if (!wait_ms) return responder(problem(wait_ms.error()));
  const WorkerAccess& access = call->environment->workers;
  access.control->wait(access.topics.control(pool_of(*call)), call->access.workspace, *worker, *offset, *wait_ms * 1'000,
                       [responder = std::move(responder)](const Result<producers::ControlFollower::Answer>& answer) {
                         if (!answer) return responder(problem(answer.error()));
                         v1::GatewayControl control;
                         for (const auto& message : answer->messages) {
                           v1::GatewayMessage& one = *control.add_messages();
                           one.set_offset(message.offset);
                           one.set_value(message.value);
                         }
                         control.set_next(answer->next);
                         control.set_begin(answer->begin);
                         control.set_end(answer->end);
                         responder(protobuf(control));
                       });
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "POST",
                    .path = "/v1/gateway/records",
                    .operation = "appendWorkerRecords",
                    .summary = "Append a worker's signed reports and activity: a GatewayAppend in protobuf, an outcome for each record; "
                               "sending a record twice is harmless",
                    .auth = Auth::worker,
                    .scope = Scope::token_workspace,
                    .response_type = kProtobuf,
                    .answer = Custom{append}});
  routes.push_back({.method = "GET",
                    .path = "/v1/gateway/control",
                    .operation = "readWorkerControl",
                    .summary = "What the server says to the worker, from an offset on; waits for it (a GatewayControl in protobuf)",
                    .auth = Auth::worker,
                    .scope = Scope::token_workspace,
                    .query = {{"offset", "The next to read; -1 or none: where the end is now.", FieldType::integer},
                              {"wait_ms", "How long to wait for a message, at most 20000.", FieldType::integer}},
                    .response_type = kProtobuf,
                    .answer = Custom{read_control}});
}

}  // namespace dossier::api::gateway
