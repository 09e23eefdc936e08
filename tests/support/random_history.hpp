// A script of random commits over every fact that this code knows, on few streams, so that facts of one stream meet often.
// Facts are filled by reflection: a new one takes part without a line here.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <random>
#include <string>

#include "tests/support/event_script.hpp"

namespace dossier::test {

inline void fill_randomly(google::protobuf::Message& message, std::mt19937_64& random, int depth = 0) {
  namespace pb = google::protobuf;
  const pb::Reflection* r = message.GetReflection();
  const pb::Descriptor* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const pb::FieldDescriptor* field = type->field(i);
    if (field->containing_oneof() != nullptr && field != field->containing_oneof()->field(0)) continue;
    if (random() % 5 == 0 || depth > 4) continue;
    const int small = static_cast<int>(random() % 4);
    switch (field->cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_STRING:
        if (field->is_repeated())
          r->AddString(&message, field, "s" + std::to_string(small));
        else  // ids are few, so that rows meet
          r->SetString(&message, field,
                       field->name().ends_with("_id") ? hex_id("id", static_cast<std::uint64_t>(small)) : "v" + std::to_string(random() % 100));
        break;
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        fill_randomly(field->is_repeated() ? *r->AddMessage(&message, field) : *r->MutableMessage(&message, field), random, depth + 1);
        break;
      case pb::FieldDescriptor::CPPTYPE_BOOL: r->SetBool(&message, field, small % 2 == 0); break;
      case pb::FieldDescriptor::CPPTYPE_INT32: r->SetInt32(&message, field, small); break;
      case pb::FieldDescriptor::CPPTYPE_INT64: r->SetInt64(&message, field, small); break;
      case pb::FieldDescriptor::CPPTYPE_UINT32: r->SetUInt32(&message, field, static_cast<std::uint32_t>(small)); break;
      case pb::FieldDescriptor::CPPTYPE_UINT64: r->SetUInt64(&message, field, static_cast<std::uint64_t>(small)); break;
      case pb::FieldDescriptor::CPPTYPE_ENUM: r->SetEnumValue(&message, field, small); break;
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      case pb::FieldDescriptor::CPPTYPE_FLOAT: break;
    }
  }
}

// Some fact of some aggregate, on a stream of its kind.
inline v1::Event random_event(std::mt19937_64& random, const std::string& workspace) {
  namespace pb = google::protobuf;
  v1::EventPayload payload;
  const pb::FieldDescriptor* aggregate =
      payload.GetDescriptor()->field(static_cast<int>(random() % static_cast<std::uint64_t>(payload.GetDescriptor()->field_count())));
  pb::Message& middle = *payload.GetReflection()->MutableMessage(&payload, aggregate);
  const pb::OneofDescriptor* facts = middle.GetDescriptor()->oneof_decl(0);
  const pb::FieldDescriptor* fact = facts->field(static_cast<int>(random() % static_cast<std::uint64_t>(facts->field_count())));
  fill_randomly(*middle.GetReflection()->MutableMessage(&middle, fact), random);

  const std::string id = hex_id("id", random() % 4);
  const std::string issue = hex_id("iss", random() % 4);
  std::string stream = std::string(aggregate->name()) + "/" + id;
  switch (payload.aggregate_case()) {
    case v1::EventPayload::kIdentity: stream = random() % 2 == 0 ? "user/" + id : "slug/" + id; break;
    case v1::EventPayload::kWorkspace: stream = "workspace/" + workspace; break;
    case v1::EventPayload::kMembers: stream = "workspace/" + workspace + "/members"; break;
    case v1::EventPayload::kIssueNumbers: stream = "workspace/" + workspace + "/issues"; break;
    case v1::EventPayload::kProjectUse: stream = "project/" + id + "/use"; break;
    case v1::EventPayload::kIssue: stream = "issue/" + issue; break;
    case v1::EventPayload::kCopy: stream = "issue/" + issue + "/copy"; break;
    case v1::EventPayload::kProject:
    case v1::EventPayload::kComment:
    case v1::EventPayload::kSession:
    case v1::EventPayload::kTask:
    case v1::EventPayload::kWorker:
    case v1::EventPayload::kParking:
    case v1::EventPayload::AGGREGATE_NOT_SET: break;
  }
  return events::make_event(std::move(stream), random() % 4 == 0 ? "" : issue, payload);
}

// Two workspaces of one partition; commits of one to four events; some expectations that fail.
inline EventScript random_history(std::mt19937_64& random, int commits) {
  EventScript script;
  for (int n = 0; n < commits; ++n) {
    const std::string workspace = script.workspace(static_cast<int>(random() % 2));
    std::vector<v1::Event> events;
    events.reserve(4);
    for (std::uint64_t i = 0; i < 1 + random() % 4; ++i) events.push_back(random_event(random, workspace));
    std::vector<std::pair<std::string, std::uint64_t>> expects;
    if (random() % 8 == 0) expects.emplace_back(events.front().stream(), random() % 20);
    script.commit(std::move(events), std::move(expects), {}, workspace);
  }
  return script;
}

}  // namespace dossier::test
