// Bytes of every kind of fact, as first written: they decode for ever. A changed byte here means that old logs would read
// differently; add lines for new facts, and for facts with new fields, never change one.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/encoding.hpp"
#include "events/codec.hpp"
#include "events/json.hpp"

namespace dossier::events {
namespace {

namespace pb = google::protobuf;

struct Golden {
  std::string bytes;
  std::string json;
};

// facts.txt: "<aggregate>.<fact> <hex of EventPayload> <json of the fact>", a line each.
std::multimap<std::string, Golden> read_goldens() {
  std::multimap<std::string, Golden> goldens;
  std::ifstream file(std::string(DOSSIER_SOURCE_DIR) + "/tests/golden/facts.txt");
  std::string name, hex, json;
  while (file >> name >> hex && file.get() && std::getline(file, json)) goldens.insert({name, {from_hex(hex).value_or(""), json}});
  return goldens;
}

// Fills every field with a value that depends on its place, so that no two fields can be confused.
void fill(pb::Message& message, int depth) {
  const auto* r = message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto* field = message.GetDescriptor()->field(i);
    if (field->real_containing_oneof() != nullptr && field->index_in_oneof() != 0) continue;
    const int n = field->number();
    const std::string text = field->name() + std::to_string(n);
    const bool many = field->is_repeated();
    using F = pb::FieldDescriptor;
    switch (field->cpp_type()) {
      case F::CPPTYPE_MESSAGE:
        if (depth < 4) fill(many ? *r->AddMessage(&message, field) : *r->MutableMessage(&message, field), depth + 1);
        break;
      case F::CPPTYPE_STRING: many ? r->AddString(&message, field, text) : r->SetString(&message, field, text); break;
      case F::CPPTYPE_BOOL: r->SetBool(&message, field, true); break;
      case F::CPPTYPE_ENUM: r->SetEnumValue(&message, field, 1); break;
      case F::CPPTYPE_INT32: many ? r->AddInt32(&message, field, n) : r->SetInt32(&message, field, n); break;
      case F::CPPTYPE_INT64: r->SetInt64(&message, field, 1000 + n); break;
      case F::CPPTYPE_UINT32: r->SetUInt32(&message, field, static_cast<unsigned>(n)); break;
      case F::CPPTYPE_UINT64: r->SetUInt64(&message, field, 2000u + static_cast<unsigned>(n)); break;
      case F::CPPTYPE_FLOAT:
      case F::CPPTYPE_DOUBLE: break;
    }
  }
}

// Every fact that the schema knows, filled.
std::map<std::string, v1::EventPayload> every_fact() {
  std::map<std::string, v1::EventPayload> facts;
  const auto* outer = v1::EventPayload::descriptor()->oneof_decl(0);
  for (int a = 0; a < outer->field_count(); ++a) {
    const auto* aggregate = outer->field(a);
    const auto* inner = aggregate->message_type()->oneof_decl(0);
    for (int f = 0; f < inner->field_count(); ++f) {
      v1::EventPayload payload;
      auto* middle = payload.GetReflection()->MutableMessage(&payload, aggregate);
      fill(*middle->GetReflection()->MutableMessage(middle, inner->field(f)), 0);
      facts[aggregate->name() + "." + inner->field(f)->name()] = payload;
    }
  }
  return facts;
}

TEST(GoldenFacts, every_fact_of_the_schema_has_its_bytes_kept) {
  const auto goldens = read_goldens();
  std::string missing;
  for (const auto& [name, payload] : every_fact()) {
    if (goldens.count(name) > 0) continue;
    std::string json;
    append_data_json(json, payload);
    missing.append(name).append(" ").append(to_hex(payload.SerializeAsString())).append(" ").append(json).append("\n");
  }
  EXPECT_EQ(missing, "") << "append these lines to tests/golden/facts.txt";
}

TEST(GoldenFacts, kept_bytes_decode_to_the_same_fact_and_the_same_json) {
  const auto goldens = read_goldens();
  ASSERT_GT(goldens.size(), 40u);
  for (const auto& [name, golden] : goldens) {
    v1::EventPayload payload;
    ASSERT_TRUE(payload.ParseFromString(golden.bytes)) << name;
    EXPECT_TRUE(is_known(payload)) << name;
    EXPECT_EQ(name.substr(name.find('.') + 1), fact_name(payload));
    std::string json;
    append_data_json(json, payload);
    EXPECT_EQ(json, golden.json) << name;
  }
}

}  // namespace
}  // namespace dossier::events
