// What `dossier issue watch` prints of the server's events. Pure.
#pragma once

#include <string>
#include <vector>

#include "platform/json/json.hpp"

namespace dossier::cli {

// The events of a commit (the data of one message of GET /v1/workspaces/{ws}/events) that name the issue, each as an object
// with the commit's seq, time and actor.
std::vector<json::Value> events_of_issue(const json::Value& commit, const std::string& issue);
// One event for people: a line, and below it what was written.
std::string event_text(const json::Value& event);
// One item of a session's activity ({"type","time","data",…}) for people; empty for what only machines read.
std::string activity_text(const json::Value& item);

}  // namespace dossier::cli
