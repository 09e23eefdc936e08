// Bytes and names of events.
#include "events/codec.hpp"

#include <google/protobuf/descriptor.h>

#include "events/json.hpp"
#include "events/limits.hpp"

namespace dossier::events {
namespace {

namespace pb = google::protobuf;

// The set member of a message's only oneof; nullptr: none is set (or this code does not know it).
const pb::FieldDescriptor* set_member(const pb::Message& message) {
  const pb::Descriptor* type = message.GetDescriptor();
  if (type->oneof_decl_count() == 0) return nullptr;
  return message.GetReflection()->GetOneofFieldDescriptor(message, type->oneof_decl(0));
}

const pb::FieldDescriptor* fact_of(const v1::EventPayload& payload) {
  const pb::FieldDescriptor* aggregate = set_member(payload);
  if (aggregate == nullptr) return nullptr;
  return set_member(payload.GetReflection()->GetMessage(payload, aggregate));
}

}  // namespace

std::string encode(const v1::Record& record) { return record.SerializeAsString(); }

v1::Record make_record(v1::Commit commit) {
  v1::Record record;
  record.set_envelope_version(kEnvelopeVersion);
  *record.mutable_commit() = std::move(commit);
  return record;
}

v1::Record make_genesis(std::string_view log_id, std::int32_t partitions, std::int32_t partition, std::int64_t now_us) {
  v1::Record record;
  record.set_envelope_version(kEnvelopeVersion);
  v1::Genesis& genesis = *record.mutable_genesis();
  genesis.set_log_id(std::string(log_id));
  genesis.set_partitions(static_cast<std::uint32_t>(partitions));
  genesis.set_partition(static_cast<std::uint32_t>(partition));
  genesis.set_history(1);
  genesis.set_ledger_version(kLedgerVersion);
  genesis.set_recorded_at_us(now_us);
  return record;
}

v1::Event make_event(std::string stream, std::string_view issue_id, const v1::EventPayload& payload) {
  v1::Event event;
  event.set_stream(std::move(stream));
  event.set_issue_id(std::string(issue_id));
  event.set_payload(payload.SerializeAsString());
  return event;
}

std::string_view fact_name(const v1::EventPayload& payload) {
  const pb::FieldDescriptor* fact = fact_of(payload);
  return fact == nullptr ? std::string_view{} : std::string_view(fact->name());
}

bool is_known(const v1::EventPayload& payload) { return fact_of(payload) != nullptr; }

std::vector<topic::Header> commit_headers(const v1::Commit& commit) {
  std::string type = "dossier.commit";
  if (commit.events_size() > 0) {
    v1::EventPayload payload;
    if (payload.ParseFromString(commit.events(0).payload()) && is_known(payload)) type = "dossier." + std::string(fact_name(payload));
  }
  std::vector<topic::Header> headers = {{"ce_specversion", "1.0"},
                                        {"ce_id", commit.commit_id()},
                                        {"ce_type", type},
                                        {"ce_source", "/workspaces/" + commit.workspace_id()},
                                        {"ce_time", time_text(commit.recorded_at_us())},
                                        {"ce_subject", commit.events_size() > 0 ? commit.events(0).stream() : std::string()},
                                        {"content-type", "application/protobuf"}};
  if (!commit.traceparent().empty()) headers.push_back({"traceparent", commit.traceparent()});
  return headers;
}

}  // namespace dossier::events
