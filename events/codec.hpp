// Bytes and names of events: records to bytes, the type name of a payload ("task.claimed"), and its JSON for clients.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"
#include "platform/topic/topic.hpp"

namespace dossier::events {

// A record's value. The bytes are what is stored, hashed and signed from then on; nobody encodes them again.
std::string encode(const v1::Record& record);
v1::Record make_record(v1::Commit commit);
v1::Record make_genesis(std::string_view log_id, std::int32_t partitions, std::int32_t partition, std::int64_t now_us);

// Builds one event of a commit.
v1::Event make_event(std::string stream, std::string_view issue_id, const v1::EventPayload& payload);

// "task.task_claimed" → the fact's snake_case name ("task_claimed"); empty for a payload this code does not know.
std::string_view fact_name(const v1::EventPayload& payload);
// True where the payload has an aggregate and a fact which this code knows.
bool is_known(const v1::EventPayload& payload);

// CloudEvents headers, a courtesy to other consumers.
std::vector<topic::Header> commit_headers(const v1::Commit& commit);

inline v1::Text plain(std::string text) {
  v1::Text message;
  message.set_plain(std::move(text));
  return message;
}

}  // namespace dossier::events
