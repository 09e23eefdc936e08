// Building the sample.
#include "tests/support/sample_log.hpp"

#include "events/codec.hpp"
#include "events/names.hpp"

namespace dossier::test {
namespace {

using events::plain;

template <class Fill>
v1::EventPayload payload(Fill fill) {
  v1::EventPayload message;
  fill(message);
  return message;
}

}  // namespace

SampleLog::SampleLog(std::string workspace) : workspace_(std::move(workspace)), partition_(events::partition_of(workspace_.str(), kPartitions)) {
  append(events::encode(events::make_genesis(std::string(32, '9'), kPartitions, partition_, now_us_)));
}

v1::Actor SampleLog::user() {
  v1::Actor actor;
  actor.set_kind(v1::Actor::USER);
  actor.set_id("usr_" + std::string(32, 'a'));
  return actor;
}
v1::Actor SampleLog::worker_actor() {
  v1::Actor actor;
  actor.set_kind(v1::Actor::WORKER);
  actor.set_id("wkr_" + std::string(32, '6'));
  return actor;
}
v1::Actor SampleLog::system() {
  v1::Actor actor;
  actor.set_kind(v1::Actor::SYSTEM);
  actor.set_id("scheduler");
  return actor;
}

SampleLog& SampleLog::add(const std::string& stream, const std::string& issue, const v1::EventPayload& payload) {
  *pending_.add_events() = events::make_event(stream, issue, payload);
  return *this;
}

void SampleLog::append(std::string value) {
  topic::Record record;
  record.topic = "dossier.events";
  record.partition = partition_;
  record.offset = static_cast<std::int64_t>(records_.size());
  record.append_time_us = now_us_ + 1'000;
  record.key = workspace_.str();
  record.value = std::move(value);
  records_.push_back(std::move(record));
}

void SampleLog::commit(const std::string& key, const v1::Actor& actor, std::int64_t after_us) {
  now_us_ += after_us;
  pending_.set_commit_id(events::derive_commit_id(workspace_, actor.id(), "sample", key).str());
  pending_.set_workspace_id(workspace_.str());
  pending_.set_history(1);
  pending_.set_recorded_at_us(now_us_);
  *pending_.mutable_actor() = actor;
  append(events::encode(events::make_record(pending_)));
  pending_.Clear();
}

void SampleLog::commit_of(const WorkspaceId& other, const std::string& key) {
  v1::Commit commit;
  commit.set_commit_id(events::derive_commit_id(other, "usr", "sample", key).str());
  commit.set_workspace_id(other.str());
  commit.set_history(1);
  commit.set_recorded_at_us(now_us_);
  *commit.add_events() =
      events::make_event("slug/" + key, "", payload([](auto& p) { p.mutable_identity()->mutable_name_confirmed()->set_owner("ws"); }));
  append(events::encode(events::make_record(std::move(commit))));
}

void SampleLog::tell_story() {
  const std::string issue_stream = events::issue_stream(issue), task_stream = "task/" + task, session_stream = "session/" + session;
  const std::string numbers = events::issue_numbers_stream(workspace_);
  // Another workspace of the same partition, found by trying.
  WorkspaceId other;
  for (int i = 0; other.empty() || events::partition_of(other.str(), kPartitions) != partition_; ++i) {
    const std::string digits = std::to_string(i);
    other = WorkspaceId("ws_" + std::string(32 - digits.size(), '0') + digits);
  }

  add("worker/" + worker, "", payload([&](auto& p) {
        auto& fact = *p.mutable_worker()->mutable_worker_registered();
        fact.set_worker_id(worker);
        *fact.mutable_name() = plain("worker-1");
        fact.set_public_key(worker_key.public_key);
      }));
  commit("register", worker_actor());
  add(events::issue_stream(other_issue), other_issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_issue()->mutable_issue_opened();
        fact.set_issue_id(other_issue.str());
        *fact.mutable_title() = plain("Another one");
        fact.set_status(v1::OPEN);
      }));
  add(numbers, other_issue.str(), payload([&](auto& p) { p.mutable_issue_numbers()->mutable_issue_numbered()->set_issue_id(other_issue.str()); }));
  commit("other", user());
  commit_of(other, "first");
  add(issue_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_issue()->mutable_issue_opened();
        fact.set_issue_id(issue.str());
        *fact.mutable_title() = plain("Greet by \"name\"");
        *fact.mutable_body() = plain("The greeting is always the same.\n\nIt should name who is greeted: \xc3\x89lodie.\n");
        fact.set_status(v1::OPEN);
      }));
  add(numbers, issue.str(), payload([&](auto& p) { p.mutable_issue_numbers()->mutable_issue_numbered()->set_issue_id(issue.str()); }));
  add(issue_stream, issue.str(), payload([&](auto& p) { p.mutable_issue()->mutable_project_attached()->set_project_id(project); }));
  add("project/" + project + "/use", issue.str(),
      payload([&](auto& p) { p.mutable_project_use()->mutable_project_use_added()->set_issue_id(issue.str()); }));
  commit("open", user());
  const std::size_t opened = records_.size() - 1;
  add("comment/" + comment, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_comment()->mutable_comment_added();
        fact.set_comment_id(comment);
        fact.set_issue_id(issue.str());
        *fact.mutable_body() = plain("@greeter please");
        fact.add_mentions()->set_name("greeter");
      }));
  add(session_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_session()->mutable_session_requested();
        fact.set_session_id(session);
        fact.set_issue_id(issue.str());
        fact.set_agent_name("greeter");
      }));
  add(events::copy_stream(issue), issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_copy()->mutable_working_copy_reserved();
        fact.set_session_id(session);
        fact.set_generation(1);
      }));
  add(task_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_task()->mutable_task_queued();
        fact.set_task_id(task);
        fact.set_session_id(session);
        fact.mutable_spec()->set_agent_name("greeter");
        auto& needs = *fact.add_required_capabilities();
        needs.set_name("command");
        needs.set_value("true");
      }));
  commit("comment", user());
  append(records_[opened].value);                    // the same commit again: void, a duplicate
  append(std::string("\xff\xff not a record", 15));  // void, malformed
  const auto task_event = [&](const char* key, const v1::Actor& actor, std::int64_t after_us, auto fill) {
    v1::EventPayload event;
    fill(*event.mutable_task());
    add(task_stream, issue.str(), event);
    commit(key, actor, after_us);
  };
  task_event("offer-1", system(), 2'000, [&](auto& e) {
    e.mutable_task_offered()->set_offer(1);
    e.mutable_task_offered()->set_worker_id("wkr_" + std::string(32, 'f'));
  });
  task_event("lapse-1", system(), 5'000'000, [&](auto& e) {
    e.mutable_task_offer_lapsed()->set_offer(1);
    e.mutable_task_offer_lapsed()->set_reason("declined");
  });
  task_event("offer-2", system(), 1'000, [&](auto& e) {
    e.mutable_task_offered()->set_offer(2);
    e.mutable_task_offered()->set_worker_id(worker);
  });
  task_event("claim", worker_actor(), 3'000, [&](auto& e) {
    e.mutable_task_claimed()->set_offer(2);
    e.mutable_task_claimed()->set_attempt(1);
    e.mutable_task_claimed()->set_worker_id(worker);
  });
  add(session_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_session()->mutable_session_started();
        fact.set_worker_id(worker);
        fact.set_offer(2);
      }));
  task_event("start", worker_actor(), 4'000, [&](auto& e) {
    e.mutable_task_started()->set_offer(2);
    e.mutable_task_started()->set_worker_id(worker);
  });
  commit_of(other, "second");
  add(issue_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_issue()->mutable_source_captured();
        fact.set_session_id(session);
        fact.set_task_id(task);
        fact.set_offer(2);
        fact.set_base_commit(std::string(40, 'b'));
        fact.set_commit(std::string(40, 'c'));
        fact.set_branch("dossier/2/greeter");
        auto& file = *fact.add_files();
        file.set_path("greet.sh");
        file.set_change("modified");
        file.set_insertions(1);
        file.set_deletions(1);
        *fact.mutable_diff() = plain("--- a/greet.sh\n+++ b/greet.sh\n@@ -1 +1 @@\n-echo hello\n+echo \"hello $1\"\n");
      }));
  add(session_stream, issue.str(), payload([&](auto& p) { p.mutable_session()->mutable_session_ended()->set_outcome("completed"); }));
  task_event("complete", worker_actor(), 60'000'000, [&](auto& e) {
    e.mutable_task_completed()->set_offer(2);
    *e.mutable_task_completed()->mutable_result() = plain("It greets by name now.\x1b[31m");
    e.mutable_task_completed()->set_commit(std::string(40, 'c'));
    e.mutable_task_completed()->set_branch("dossier/2/greeter");
  });
  add(issue_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_issue()->mutable_activity_sealed();
        fact.set_session_id(session);
        fact.set_offer(2);
        fact.set_last_sequence(4);
        fact.set_lines(4);
      }));
  commit("seal", system());
  v1::Event unknown = events::make_event(issue_stream, issue.str(), v1::EventPayload());
  unknown.set_payload(std::string("\xfa\x3e\x02\x08\x01", 5));  // field 1007, which no version of today has
  *pending_.add_events() = unknown;
  commit("newer", user());
  add(issue_stream, issue.str(), payload([&](auto& p) {
        auto& fact = *p.mutable_issue()->mutable_issue_status_changed();
        fact.set_from(v1::OPEN);
        fact.set_to(v1::CLOSED);
        *fact.mutable_reason() = plain("works");
      }));
  add("comment/" + comment, issue.str(),
      payload([&](auto& p) { *p.mutable_comment()->mutable_comment_edited()->mutable_body() = plain("@greeter please, by name"); }));
  commit("close", user(), 86'400'000'000);
  add("comment/" + comment, issue.str(), payload([&](auto& p) { p.mutable_comment()->mutable_comment_removed(); }));
  commit("remove", user());
}

std::vector<projections::JournalRow> SampleLog::journal() const {
  events::PartitionHead head;
  head.partition = partition_;
  events::Book book;
  std::vector<projections::JournalRow> rows;
  for (const auto& record : records_) {
    const auto envelope = events::decode(record.value);
    const auto judgement = events::judge(head, book, envelope, record.value);
    projections::JournalRow row;
    row.partition = record.partition;
    row.offset = record.offset;
    row.verdict = judgement->verdict;
    if (envelope.decoded && envelope.record.has_commit() && judgement->verdict != events::Verdict::void_malformed) {
      row.workspace = envelope.record.commit().workspace_id();
      row.commit_id = envelope.record.commit().commit_id();
    }
    row.seq = judgement->seq;
    row.time_us = judgement->time_us;
    row.chain = judgement->chain;
    row.append_time_us = record.append_time_us;
    row.value = record.value;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<topic::Record> SampleLog::activity() const {
  std::vector<topic::Record> records;
  std::string previous;
  // Two records of two lines; the first line's clock is behind the claim, the last one's beyond the end.
  const std::int64_t claim_us = kStartUs + 4 * 1'000'000 + 2'000 + 5'000'000 + 1'000 + 3'000;
  const std::int64_t at_us[] = {kStartUs, claim_us + 2'000'000, claim_us + 3'000'000, claim_us + 400'000'000};
  const char* texts[] = {"looking at greet.sh", "echo \"hello $1\" > greet.sh", "done\ttested\r", "bye \x1b]0;title\x07"};
  for (int n = 0; n < 2; ++n) {
    v1::ActivityRecord body;
    body.set_workspace_id(workspace_.str());
    body.set_session_id(session);
    body.set_task_id(task);
    body.set_offer(2);
    body.set_worker_id(worker);
    body.set_first_sequence(1 + 2 * static_cast<std::uint64_t>(n));
    body.set_previous_sha256(previous);
    for (int i = 0; i < 2; ++i) {
      auto& event = *body.add_events();
      event.set_at_us(at_us[2 * n + i]);
      event.mutable_log_line()->set_stream(i == 1 && n == 0 ? "command" : "agent");
      *event.mutable_log_line()->mutable_text() = plain(texts[2 * n + i]);
    }
    v1::SignedActivity message;
    message.set_body(body.SerializeAsString());
    std::string signed_bytes = "dossier.activity";
    signed_bytes += '\0';
    message.set_signature(crypto::sign(worker_key.secret_key, signed_bytes + message.body()));
    topic::Record record;
    record.topic = "dossier.activity";
    record.partition = events::partition_of(session, kPartitions);
    record.offset = n;
    record.key = session;
    record.value = message.SerializeAsString();
    previous = std::string(crypto::view(crypto::sha256(record.value)));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace dossier::test
