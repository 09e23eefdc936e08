// Reports out, control messages in.
#include "tests/support/scripted_worker.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>

#include "base/encoding.hpp"
#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"
#include "producers/report_check.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/must.hpp"

namespace dossier::test {
namespace {

constexpr const char* kBoot = "scripted-boot";

}  // namespace

ScriptedWorker::ScriptedWorker(Installation& at, const std::string& name) : at_(at), keys_(crypto::make_key_pair()) {
  const Reply token = at.api().post_until_decided(at.in_workspace("/worker-tokens"), object({{"label", name}}));
  Api worker(at.url(), token.text("token"));
  const Reply made = worker.post("/v1/workers", object({{"name", name},
                                                        {"mode", "local"},
                                                        {"capabilities", json::Value(object({{"command", true}}))},
                                                        {"public_key", to_base64url(keys_.public_key)},
                                                        {"slots", 4}}));
  if (made.status / 100 != 2) throw std::runtime_error("register: " + made.raw + made.problem);
  id_ = made.text("worker_id");
  reports_ = made.at("topics", "reports");
  control_ = made.at("topics", "control");
  partition_ = events::partition_of(at.workspace(), static_cast<std::int32_t>(made.body.find("partitions")->integer_or("reports", 1)));
  const kafka::Cluster cluster = must(kafka::load_cluster("", at.clusters().worker_kafka_properties));
  writer_ = must(kafka::make_writer(cluster, kafka::WriterKind::messages));
  reader_ = must(kafka::make_reader(cluster));
  if (const Status assigned = reader_->assign({{control_, 0, 0}}); !assigned) throw std::runtime_error(assigned.error().message);
  const bool online = eventually([&] {
    for (const auto& one : at_.api().get(at_.in_workspace("/workers")).items())
      if (one.text("id") == id_ && one.text("status") == "online") return true;
    return false;
  });
  if (!online) throw std::runtime_error("the worker does not come online\n" + at.logs());
}

void ScriptedWorker::heartbeat() {
  v1::Report report;
  auto& beat = *report.mutable_heartbeat();
  beat.set_free_slots(4);
  beat.add_partitions(0);
  for (const auto& fence : running_) *beat.add_running() = fence;
  append(signed_report(report, 0));
}

v1::Fence ScriptedWorker::claim(const std::string& task) {
  v1::Fence fence;
  fence.set_task_id(task);
  const bool claimed = eventually([&] {
    const Reply now = at_.task(task);
    if (now.text("status") == "claimed") return true;
    if (now.text("status") != "offered" || now.text("worker_id") != id_) return false;
    const auto offer = static_cast<std::uint32_t>(now.body.integer_or("offer", 0));
    if (offer != fence.offer()) {
      fence.set_offer(offer);
      report(fence, [](v1::Report& claim) { claim.mutable_claim(); });
    }
    return false;
  });
  if (!claimed) throw std::runtime_error("the task was not claimed: " + at_.task(task).raw + "\n" + at_.logs());
  running_.push_back(fence);
  return fence;
}

void ScriptedWorker::report(const v1::Fence& fence, const std::function<void(v1::Report&)>& fill) {
  v1::Report report;
  *report.mutable_fence() = fence;
  fill(report);
  last_ = signed_report(std::move(report), ++sequence_);
  append(last_);
}

std::vector<v1::ControlMessage> ScriptedWorker::told(v1::ControlMessage::MessageCase kind) {
  for (auto polled = must(reader_->poll({.max_records = 1'000, .max_bytes = 8u << 20, .wait_ms = 50, .linger_us = 0})); !polled.records.empty();
       polled = must(reader_->poll({.max_records = 1'000, .max_bytes = 8u << 20, .wait_ms = 50, .linger_us = 0})))
    for (const auto& record : polled.records) {
      v1::ControlMessage message;
      if (message.ParseFromString(record.value) && message.worker_id() == id_) heard_.push_back(std::move(message));
    }
  std::vector<v1::ControlMessage> out;
  for (const auto& message : heard_)
    if (message.message_case() == kind) out.push_back(message);
  return out;
}

bool ScriptedWorker::eventually(const std::function<bool()>& condition, std::int64_t deadline_ms) {
  auto beat_at = std::chrono::steady_clock::time_point{};
  return test::eventually(deadline_ms, [&] {
    const auto now = std::chrono::steady_clock::now();
    if (now - beat_at > std::chrono::seconds(2)) {
      heartbeat();
      beat_at = now;
    }
    return condition();
  });
}

void ScriptedWorker::append(const std::string& value) {
  topic::Outgoing record;
  record.topic = reports_;
  record.partition = partition_;
  record.key = at_.workspace();
  record.value = value;
  writer_->append(std::move(record), [](const topic::Appended&) {});
}

std::string ScriptedWorker::signed_report(v1::Report report, std::uint64_t sequence) const {
  report.set_workspace_id(at_.workspace());
  report.set_worker_id(id_);
  report.set_boot_id(kBoot);
  report.set_sequence(sequence);
  v1::SignedReport outer;
  outer.set_body(report.SerializeAsString());
  outer.set_signature(crypto::sign(keys_.secret_key, producers::signed_bytes(producers::kReportDomain, outer.body())));
  return outer.SerializeAsString();
}

}  // namespace dossier::test
