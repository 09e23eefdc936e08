// dossier replay and dossier verify: the auditor's commands, straight on the log and the journal.
#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/output.hpp"
#include "app/cli/stack.hpp"
#include "replay/activity_source.hpp"
#include "replay/journal_source.hpp"
#include "replay/story.hpp"
#include "replay/time_travel.hpp"
#include "replay/verify.hpp"

namespace dossier::cli {
namespace {

// An id stays; a number is looked up over HTTP.
Result<IssueId> issue_of(const Invocation& in) {
  const std::string given = in.text("--issue");
  if (is_id(given, IssueId::prefix())) return IssueId(given);
  TRY(auto client, ApiClient::make(in));
  TRY(auto id, client.issue(in, given));
  return IssueId(std::move(id));
}

// Where the issue is: the read models know best; without them --workspace says it.
Result<WorkspaceId> workspace_of(const Invocation& in, const IssueId& issue, postgres::Pool* database) {
  std::optional<Error> failure;
  if (database != nullptr) {
    auto snapshot = database->read();
    auto found = snapshot ? replay::workspace_of_issue(*snapshot, issue) : Result<std::optional<WorkspaceId>>(snapshot.error());
    if (found && *found) return **found;
    if (!found) failure = found.error();
  }
  const std::string given = in.text("--workspace");
  if (WorkspaceIdTag::valid(given)) return WorkspaceId(given);
  if (failure) return *failure;
  if (database != nullptr && given.empty()) return make_error(Code::not_found, "no workspace has " + issue.str() + ": check the id");
  return make_error(Code::usage, given.empty() ? "--workspace is missing: give the id (ws_…) of the issue's workspace, or --database to look it up"
                                               : "--workspace must be an id (ws_…) here, and is '" + given + "'");
}

struct Source {
  bool log = false;  // else the journal
  std::unique_ptr<topic::Reader> reader;
  std::unique_ptr<postgres::Pool> database;
};

Result<Source> source_of(const Invocation& in) {
  Source source;
  const std::string from = in.text("--from");
  source.log = from == "kafka" || (from.empty() && has_kafka(in));
  if (from.empty() && !has_kafka(in) && !has_database(in))
    return make_error(Code::usage,
                      "neither a log nor a journal is known: give --kafka and --kafka-properties (or DOSSIER_KAFKA, "
                      "DOSSIER_KAFKA_PROPERTIES), "
                      "or --database (DOSSIER_DATABASE_URL); the profile that ./dev up leaves in .local/profile.json names them too");
  if (source.log) {
    TRY(source.reader, open_reader(in));
  }
  if (!source.log || has_database(in)) {
    TRY(source.database, open_database(in));
  }
  return source;
}

std::string verify_json(const replay::VerifyReport& report, const WorkspaceId& workspace) {
  json::Value::Object object{{"ok", !report.finding.has_value()},
                             {"workspace_id", workspace.str()},
                             {"partition", report.partition},
                             {"records", static_cast<std::int64_t>(report.records)},
                             {"accepted", static_cast<std::int64_t>(report.accepted)},
                             {"void", static_cast<std::int64_t>(report.voided)},
                             {"not_journaled", static_cast<std::int64_t>(report.not_journaled)},
                             {"seq", static_cast<std::int64_t>(report.seq)},
                             {"chain", report.chain},
                             {"timeline_items", static_cast<std::int64_t>(report.timeline_items)},
                             {"activity_records", static_cast<std::int64_t>(report.activity_records)},
                             {"activity_foreign", static_cast<std::int64_t>(report.activity_foreign)}};
  if (const auto& bad = report.finding)
    object.emplace_back("first_bad",
                        json::Value::Object{{"topic", bad->topic}, {"partition", bad->partition}, {"offset", bad->offset}, {"what", bad->what}});
  return json::write(object) + "\n";
}

std::string verify_text(const replay::VerifyReport& report, const WorkspaceId& workspace) {
  std::string out;
  if (const auto& bad = report.finding) {
    out += "BAD  " + bad->topic + " partition " + std::to_string(bad->partition);
    if (bad->offset >= 0) out += " offset " + std::to_string(bad->offset);
    return out + ": " + bad->what + "\n     " + std::to_string(report.records) + " records before it were right\n";
  }
  out += "ok   " + workspace.str() + " in partition " + std::to_string(report.partition) + ": " + std::to_string(report.records) +
         " records are in the journal as they are in the log\n     " + std::to_string(report.accepted) + " commits accepted, " +
         std::to_string(report.voided) + " void; seq " + std::to_string(report.seq) + ", chain " + report.chain + "\n";
  if (report.not_journaled > 0) out += "     the newest " + std::to_string(report.not_journaled) + " are not projected yet\n";
  if (report.timeline_items > 0) out += "     " + std::to_string(report.timeline_items) + " items of the timeline say what the log says\n";
  out += "     " + std::to_string(report.activity_records) + " records of activity are signed and chained";
  if (report.activity_foreign > 0) out += "; " + std::to_string(report.activity_foreign) + " by workers without the claim were passed over";
  return out + "\n";
}

}  // namespace

Result<int> replay_issue(const Invocation& in) {
  replay::Until until;
  const std::string limit = in.optional("--at") ? "--at" : "--until";
  if (in.optional("--at") && in.optional("--until")) return make_error(Code::usage, "give one of --at (the state) and --until (the story)");
  if (const auto text = in.optional(limit)) {
    auto parsed = replay::parse_until(*text, limit);
    if (!parsed) return make_error(Code::usage, limit + ": " + parsed.error().message);
    until = *parsed;
  }
  TRY_STATUS(in.required("--issue"));
  TRY(auto source, source_of(in));
  TRY(const auto issue, issue_of(in));
  TRY(const auto workspace, workspace_of(in, issue, source.database.get()));
  const auto topics = topics_of(in);

  std::optional<postgres::ReadTransaction> snapshot;
  if (!source.log) {
    TRY(auto begun, source.database->read());
    snapshot.emplace(std::move(begun));
  }
  TRY(const auto timeline, source.log ? replay::timeline_from_log(*source.reader, topics, workspace, issue, until)
                                      : replay::timeline_from_journal(*snapshot, workspace, issue, until));
  if (in.optional("--at")) {
    replay::IssueFold fold(workspace, issue);
    for (const auto& entry : timeline.entries) fold.apply(entry);
    std::string json;
    replay::append_json(json, fold.document());
    return print(json + "\n");
  }
  std::vector<v1::ActivityRecord> records;
  if (in.flag("--activity")) {
    TRY(records, source.log ? replay::activity_from_log(*source.reader, topics, timeline) : replay::activity_from_journal(*snapshot, timeline));
  }
  const auto moments = replay::interleave(timeline, records, until);
  const bool text = in.text("--format") == "text" && !in.json();
  return print(text ? replay::to_story(timeline, moments) : replay::to_ndjson(moments));
}

Result<int> verify_log(const Invocation& in) {
  TRY(auto reader, open_reader(in));
  TRY(auto database, open_database(in));
  replay::VerifyRequest request;
  if (in.optional("--issue")) {
    TRY(request.issue, issue_of(in));
    TRY(request.workspace, workspace_of(in, *request.issue, database.get()));
  } else {
    TRY(const auto given, in.required("--workspace"));
    auto parsed = WorkspaceId::parse(given, "--workspace");
    if (!parsed) return make_error(Code::usage, "--workspace " + parsed.error().message);
    request.workspace = *parsed;
  }
  TRY(auto snapshot, database->read());
  TRY(const auto report, replay::verify(*reader, snapshot, topics_of(in), request));
  const int printed = print(in.json() ? verify_json(report, request.workspace) : verify_text(report, request.workspace));
  return report.finding ? kFailed : printed;
}

}  // namespace dossier::cli
