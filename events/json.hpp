// JSON of facts for clients: the proto's field names, Text as a string (sealed: null), enums as lower-case names,
// 64-bit integers as numbers, bytes as base64url. One generic walk over the message, so a new fact needs no code here.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"
#include "events/ledger.hpp"

namespace dossier::events {

// Appends a JSON object. Unset and default fields are left out, except bools and enums inside facts.
void append_json(std::string& out, const google::protobuf::Message& message);
void append_json_string(std::string& out, std::string_view text);
// {"seq":…,"commit_id":…,"time":"…Z","actor":{…},"events":[{"index":0,"stream":…,"version":…,"issue_id":…,"type":"comment_added","data":{…}}]}
std::string commit_json(const v1::Commit& commit, const Judgement& judgement);
// One event's object, as above.
void append_event_json(std::string& out, const v1::Event& event, int index, std::uint64_t version);
// The fact alone, without the oneofs around it; {} for a payload this code does not know.
void append_data_json(std::string& out, const v1::EventPayload& payload);
// {"kind":"user","id":"usr_…"}
void append_actor_json(std::string& out, const v1::Actor& actor);
// "2026-11-21T03:04:05.123456Z"
std::string time_text(std::int64_t time_us);

}  // namespace dossier::events
