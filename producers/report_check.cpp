// Checks of reports.
#include "producers/report_check.hpp"

#include "base/ids.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::producers {
namespace {

constexpr std::string_view kTickName = "server";
constexpr std::size_t kMaxBootId = 64;
constexpr int kMaxRunning = 1'000;  // fences and partitions that a heartbeat may name

Error malformed(std::string message, std::string field) { return make_error(Code::invalid_field, std::move(message), std::move(field)); }

Status check_ids(const v1::Report& report) {
  if (!WorkspaceIdTag::valid(report.workspace_id())) return malformed("is no workspace", "workspace_id");
  if (!is_id(report.worker_id(), WorkerId::prefix())) return malformed("is no worker", "worker_id");
  if (report.boot_id().empty() || report.boot_id().size() > kMaxBootId) return malformed("must have 1 to 64 characters", "boot_id");
  for (const char c : report.boot_id())
    if (c < 0x21 || c > 0x7e) return malformed("must be printable", "boot_id");
  if (report.has_fence() && !is_id(report.fence().task_id(), TaskId::prefix())) return malformed("is no task", "fence.task_id");
  return {};
}

}  // namespace

Result<CheckedForm> read_report(std::string_view value) {
  if (value.size() > kMaxReportBytes)
    return make_error(Code::payload_too_large, "a report may have at most " + std::to_string(kMaxReportBytes) + " bytes");
  CheckedForm form;
  if (!form.outer.ParseFromArray(value.data(), static_cast<int>(value.size()))) return malformed("is no SignedReport", "record");
  if (!form.report.ParseFromString(form.outer.body())) return malformed("is no Report", "body");
  if (form.outer.signature().empty() && form.report.worker_id() == kTickName && form.report.has_heartbeat()) {
    form.is_tick = true;
    return form;
  }
  TRY_STATUS(check_ids(form.report));
  if (form.report.has_heartbeat()) {
    if (form.report.heartbeat().running_size() > kMaxRunning || form.report.heartbeat().partitions_size() > kMaxRunning)
      return malformed("names too many runs or partitions", "heartbeat");
  } else if (form.report.sequence() == 0) {
    return malformed("starts at 1", "sequence");
  }
  return form;
}

Status verify_report(const CheckedForm& form, std::string_view public_key) {
  if (!crypto::verify(public_key, signed_bytes(kReportDomain, form.outer.body()), form.outer.signature()))
    return make_error(Code::unauthenticated, "the signature does not verify", "signature");
  return {};
}

std::string make_tick() {
  v1::Report report;
  report.set_worker_id(std::string(kTickName));
  report.mutable_heartbeat();
  v1::SignedReport outer;
  outer.set_body(report.SerializeAsString());
  return outer.SerializeAsString();
}

}  // namespace dossier::producers
