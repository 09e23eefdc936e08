// A sentence for every fact that can name an issue.
#include "events/codec.hpp"
#include "events/issue.hpp"
#include "events/json.hpp"
#include "replay/story.hpp"
#include "replay/text.hpp"

namespace dossier::replay {
namespace {

class Teller {
 public:
  Teller(const Entry& entry, std::string_view margin) : entry_(entry), margin_(margin) {}

  Told issue(const v1::IssueEvent& event) {
    switch (event.fact_case()) {
      case v1::IssueEvent::kIssueOpened: {
        const auto& fact = event.issue_opened();
        std::string sentence = "opened the issue " + quoted(fact.title());
        if (fact.status() != v1::OPEN) sentence += " as " + std::string(events::status_name(fact.status()));
        if (!fact.parent_issue_id().empty()) sentence += ", part of " + short_id(fact.parent_issue_id());
        return {sentence, block(fact.body())};
      }
      case v1::IssueEvent::kIssueEdited: {
        const auto& fact = event.issue_edited();
        std::string sentence = fact.has_title() ? "changed the title to " + quoted(fact.title()) : "";
        if (fact.has_body()) sentence += sentence.empty() ? "changed the description" : " and the description";
        return {sentence.empty() ? "edited the issue" : sentence, fact.has_body() ? block(fact.body()) : ""};
      }
      case v1::IssueEvent::kIssueStatusChanged: {
        const auto& fact = event.issue_status_changed();
        return {"moved the issue from " + std::string(events::status_name(fact.from())) + " to " + std::string(events::status_name(fact.to())),
                block(fact.reason())};
      }
      case v1::IssueEvent::kProjectAttached: return {"attached project " + short_id(event.project_attached().project_id()), ""};
      case v1::IssueEvent::kLabelsReplaced: {
        std::string sentence = "set the labels";
        for (const auto& label : event.labels_replaced().labels()) sentence += " " + printable(label);
        return {event.labels_replaced().labels().empty() ? "removed all labels" : sentence, ""};
      }
      case v1::IssueEvent::kAssigneeSet:
        return {event.assignee_set().user_id().empty() ? "removed the assignee"
                                                       : "assigned the issue to user " + short_id(event.assignee_set().user_id()),
                ""};
      case v1::IssueEvent::kChildIssueLinked:
        return {"added part " + std::to_string(event.child_issue_linked().order()) + ": " + short_id(event.child_issue_linked().issue_id()), ""};
      case v1::IssueEvent::kChildIssueUnlinked: return {"took out part " + short_id(event.child_issue_unlinked().issue_id()), ""};
      case v1::IssueEvent::kSourceCaptured: return source(event.source_captured());
      case v1::IssueEvent::kEvidenceRecorded: {
        const auto& fact = event.evidence_recorded();
        return {"recorded evidence: " + printable(fact.kind()) + ", " + blob(fact.blob()), ""};
      }
      case v1::IssueEvent::kEvidenceRejected: {
        const auto& fact = event.evidence_rejected();
        return {"refused " + printable(fact.name()) + " as evidence: " + printable(fact.code()), block(fact.message())};
      }
      case v1::IssueEvent::kFailureRecorded: {
        const auto& fact = event.failure_recorded();
        return {"recorded a failure in " + printable(fact.phase()) + ": " + printable(fact.code()), block(fact.excerpt())};
      }
      case v1::IssueEvent::kActivitySealed: {
        const auto& fact = event.activity_sealed();
        std::string sentence = "sealed the activity of session " + short_id(fact.session_id()) + " under offer " + std::to_string(fact.offer()) +
                               ": " + std::to_string(fact.lines()) + " lines, up to " + std::to_string(fact.last_sequence());
        for (const auto& range : fact.missing())
          sentence += ", missing " + std::to_string(range.first_sequence()) + " to " + std::to_string(range.last_sequence());
        return {sentence, ""};
      }
      case v1::IssueEvent::FACT_NOT_SET: break;
    }
    return unknown();
  }

  Told comment(const v1::CommentEvent& event) {
    switch (event.fact_case()) {
      case v1::CommentEvent::kCommentAdded: return {"commented", block(event.comment_added().body())};
      case v1::CommentEvent::kCommentEdited: return {"edited comment " + stream_id(), block(event.comment_edited().body())};
      case v1::CommentEvent::kCommentRemoved: return {"removed comment " + stream_id(), ""};
      case v1::CommentEvent::FACT_NOT_SET: break;
    }
    return unknown();
  }

  Told copy(const v1::CopyEvent& event) {
    switch (event.fact_case()) {
      case v1::CopyEvent::kWorkingCopyReserved:
        return {"reserved the working copy for session " + short_id(event.working_copy_reserved().session_id()) + " (generation " +
                    std::to_string(event.working_copy_reserved().generation()) + ")",
                ""};
      case v1::CopyEvent::kWorkingCopyBound: return {"bound the working copy to " + short_id(event.working_copy_bound().storage()), ""};
      case v1::CopyEvent::kWorkingCopyReleased: {
        const auto& fact = event.working_copy_released();
        return {
            "released the working copy of session " + short_id(fact.session_id()) + (fact.head().empty() ? "" : " at " + commit_name(fact.head())),
            ""};
      }
      case v1::CopyEvent::kWorkingCopyRecoveryRequired:
        return {"the working copy needs recovery: " + printable(event.working_copy_recovery_required().reason()), ""};
      case v1::CopyEvent::FACT_NOT_SET: break;
    }
    return unknown();
  }

  Told session(const v1::SessionEvent& event) {
    switch (event.fact_case()) {
      case v1::SessionEvent::kSessionRequested: {
        const auto& fact = event.session_requested();
        std::string sentence = "asked @" + printable(fact.agent_name()) + " to work: session " + short_id(fact.session_id());
        if (!fact.continues_session_id().empty()) sentence += ", which goes on with session " + short_id(fact.continues_session_id());
        return {sentence, ""};
      }
      case v1::SessionEvent::kSessionStarted: {
        const auto& fact = event.session_started();
        std::string sentence =
            "session " + stream_id() + " started on worker " + short_id(fact.worker_id()) + " (offer " + std::to_string(fact.offer());
        if (!fact.provider_session().empty()) sentence += ", " + printable(fact.provider_session());
        return {sentence + ")", ""};
      }
      case v1::SessionEvent::kTurnStarted:
        return {"turn " + std::to_string(event.turn_started().turn()) + " of session " + stream_id() + " began", ""};
      case v1::SessionEvent::kTurnCompleted: {
        const auto& fact = event.turn_completed();
        std::string sentence = "turn " + std::to_string(fact.turn()) + " of session " + stream_id() + " ended";
        if (!fact.reason().empty()) sentence += ": " + printable(fact.reason());
        if (fact.tokens_in() + fact.tokens_out() > 0)
          sentence += " (" + std::to_string(fact.tokens_in()) + " tokens in, " + std::to_string(fact.tokens_out()) + " out)";
        return {sentence, ""};
      }
      case v1::SessionEvent::kSessionEnded: return {"session " + stream_id() + " ended: " + printable(event.session_ended().outcome()), ""};
      case v1::SessionEvent::kApprovalRequested: return asked(event.approval_requested());
      case v1::SessionEvent::kApprovalResolved: return decided(event.approval_resolved());
      case v1::SessionEvent::kApprovalDelivered: {
        const auto& fact = event.approval_delivered();
        if (fact.how() == "withdrawn") return {"the agent asks for " + short_id(fact.request_id()) + " no more" + offer(fact.offer()), ""};
        const std::string_view how = fact.how() == "quoted" ? ": a new turn told it" : "";
        return {"the agent knows how " + short_id(fact.request_id()) + " was decided" + std::string(how) + offer(fact.offer()), ""};
      }
      case v1::SessionEvent::kFollowUpQueued:
        return {"follow-up " + short_id(event.follow_up_queued().follow_up_id()) + " waits for the next turn",
                block(event.follow_up_queued().body())};
      case v1::SessionEvent::kFollowUpEdited:
        return {"edited follow-up " + short_id(event.follow_up_edited().follow_up_id()), block(event.follow_up_edited().body())};
      case v1::SessionEvent::kFollowUpRemoved: return {"removed follow-up " + short_id(event.follow_up_removed().follow_up_id()), ""};
      case v1::SessionEvent::kFollowUpSteerRequested:
        return {"asked to steer the turn by follow-up " + short_id(event.follow_up_steer_requested().follow_up_id()), ""};
      case v1::SessionEvent::kFollowUpDelivered: {
        const auto& fact = event.follow_up_delivered();
        return {"follow-up " + short_id(fact.follow_up_id()) + (fact.steered() ? " steered turn " : " went into turn ") + std::to_string(fact.turn()),
                ""};
      }
      case v1::SessionEvent::kLimitReached: {
        const auto& fact = event.limit_reached();
        return {"session " + stream_id() + " reached its limit of " + printable(fact.limit()) + ": " + std::to_string(fact.observed()) + " of " +
                    std::to_string(fact.allowed()) + ", " + printable(fact.action()),
                ""};
      }
      case v1::SessionEvent::FACT_NOT_SET: break;
    }
    return unknown();
  }

  Told project(const v1::ProjectEvent& event) {
    if (event.has_project_secret_set()) {
      const auto& fact = event.project_secret_set();
      return {"set secret " + printable(fact.name()) + " of project " + stream_id() + " (" + short_id(fact.secret_id()) + ")", ""};
    }
    if (event.has_project_secret_removed())
      return {"removed secret " + short_id(event.project_secret_removed().secret_id()) + " of project " + stream_id(), ""};
    return unknown();
  }

  Told task(const v1::TaskEvent& event) {
    const std::string name = "task " + stream_id();
    switch (event.fact_case()) {
      case v1::TaskEvent::kTaskQueued: {
        const auto& fact = event.task_queued();
        std::string sentence = "queued " + name + " for @" + printable(fact.spec().agent_name());
        for (const auto& capability : fact.required_capabilities())
          sentence += ", needs " + printable(capability.name()) + "=" + printable(capability.value());
        return {sentence, ""};
      }
      case v1::TaskEvent::kTaskOffered:
        return {"offered " + name + " to worker " + short_id(event.task_offered().worker_id()) + offer(event.task_offered().offer()), ""};
      case v1::TaskEvent::kTaskOfferLapsed:
        return {"the offer of " + name + " lapsed: " + printable(event.task_offer_lapsed().reason()) + offer(event.task_offer_lapsed().offer()), ""};
      case v1::TaskEvent::kTaskClaimed: {
        const auto& fact = event.task_claimed();
        return {name + " claimed by worker " + short_id(fact.worker_id()) + " (offer " + std::to_string(fact.offer()) + ", attempt " +
                    std::to_string(fact.attempt()) + ")",
                ""};
      }
      case v1::TaskEvent::kTaskStarted:
        return {name + " started by worker " + short_id(event.task_started().worker_id()) + offer(event.task_started().offer()), ""};
      case v1::TaskEvent::kTaskLeaseExpired: {
        const auto& fact = event.task_lease_expired();
        return {"the lease of worker " + short_id(fact.worker_id()) + " on " + name + " expired" +
                    (fact.reason().empty() ? "" : ": " + printable(fact.reason())) + (fact.attempts_exhausted() ? "; no attempts are left" : "") +
                    offer(fact.offer()),
                ""};
      }
      case v1::TaskEvent::kTaskCompleted: {
        const auto& fact = event.task_completed();
        std::string sentence = name + " completed";
        if (!fact.branch().empty()) sentence += ": branch " + printable(fact.branch());
        if (!fact.commit().empty()) sentence += " at " + commit_name(fact.commit());
        return {sentence + offer(fact.offer()), block(fact.result())};
      }
      case v1::TaskEvent::kTaskFailed: {
        const auto& fact = event.task_failed();
        return {name + " failed: " + printable(fact.code()) + (fact.retryable() ? "; it will be offered again" : "") + offer(fact.offer()),
                block(fact.error())};
      }
      case v1::TaskEvent::kTaskCancelRequested:
        return {"cancellation of " + name + " asked for by " + short_id(event.task_cancel_requested().by()),
                block(event.task_cancel_requested().reason())};
      case v1::TaskEvent::kTaskCancelled: return {name + " cancelled: " + printable(event.task_cancelled().reason()), ""};
      case v1::TaskEvent::kLateResultRecorded: {
        const auto& fact = event.late_result_recorded();
        return {"too late and not applied: " + printable(fact.what()) + " of " + name + " from worker " + short_id(fact.worker_id()) +
                    offer(fact.offer()),
                block(fact.detail())};
      }
      case v1::TaskEvent::FACT_NOT_SET: break;
    }
    return unknown();
  }

  Told numbered() { return {"gave the issue number " + std::to_string(entry_.version), ""}; }
  Told project_use(const v1::ProjectUseEvent& event) {
    return {event.has_project_use_added() ? "project " + stream_id() + " counts the issue in" : "project " + stream_id() + " counts the issue out",
            ""};
  }
  // A fact of newer code, or of an aggregate whose facts name no issue today.
  Told unknown() {
    const auto name = events::fact_name(entry_.payload);
    return {"recorded " + (name.empty() ? "a fact that this version does not know" : printable(name)) + " on " + printable(entry_.event.stream()),
            ""};
  }

 private:
  static std::string printable(std::string_view text) {
    std::string out;
    append_printable(out, text);
    return out;
  }
  static std::string quoted(const v1::Text& text) { return "\"" + printable(words_of(text)) + "\""; }
  static std::string offer(std::uint32_t number) { return " (offer " + std::to_string(number) + ")"; }
  static std::string commit_name(std::string_view commit) { return printable(commit.substr(0, 12)); }
  static std::string blob(const v1::BlobRef& ref) { return std::to_string(ref.size()) + " bytes, SHA-256 " + printable(ref.sha256()); }
  std::string block(const v1::Text& text) const {
    std::string out;
    append_block(out, margin_, words_of(text), kMaxStoryLines);
    return out;
  }
  // "comment/cmt_0f3b…" → "cmt_0f3b12cd"; "project/prj_…/use" → "prj_…".
  std::string stream_id() const {
    std::string_view stream = entry_.event.stream();
    stream.remove_prefix(std::min(stream.size(), stream.find('/') + 1));
    return short_id(stream.substr(0, stream.find('/')));
  }

  Told asked(const v1::ApprovalRequested& fact) const {
    std::string below = fact.has_command() ? block(fact.command()) : "";
    if (fact.has_patch()) below += block(fact.patch());
    if (below.empty() && fact.has_detail()) below = block(fact.detail());
    std::string sentence =
        "the agent of session " + stream_id() + " asks to be allowed " + short_id(fact.request_id()) + ": " + printable(fact.kind());
    if (!fact.cwd().empty()) sentence += " in " + printable(fact.cwd());
    if (fact.has_reason()) sentence += " (" + printable(words_of(fact.reason())) + ")";
    return {sentence, below};
  }

  Told decided(const v1::ApprovalResolved& fact) const {
    std::string sentence = short_id(fact.request_id()) + " was decided: " + printable(fact.decision());
    if (fact.by() == "policy")
      sentence += fact.rule().empty() ? ", by the policy" : ", by the policy's rule " + printable(fact.rule());
    else if (fact.by() == "system")
      sentence += ", by the system";
    else
      sentence += ", by user " + short_id(fact.by());
    std::string below = fact.has_reason() ? block(fact.reason()) : "";
    if (fact.has_answer()) below += block(fact.answer());
    return {sentence, below};
  }

  Told source(const v1::SourceCaptured& fact) const {
    if (fact.commit() == fact.base_commit()) return {"captured the source of session " + short_id(fact.session_id()) + ": nothing changed", ""};
    std::uint64_t insertions = 0, deletions = 0;
    std::string below;
    for (const auto& file : fact.files()) {
      insertions += file.insertions();
      deletions += file.deletions();
      std::string line =
          printable(file.change()) + "  " + (file.old_path().empty() ? "" : printable(file.old_path()) + " -> ") + printable(file.path());
      line += file.binary() ? "  binary" : "  +" + std::to_string(file.insertions()) + " -" + std::to_string(file.deletions());
      append_block(below, margin_, line, 1);
    }
    below += block(fact.diff());
    if (fact.has_diff_blob()) append_block(below, margin_, "diff: " + blob(fact.diff_blob()), 1);
    return {"captured the source of session " + short_id(fact.session_id()) + ": commit " + commit_name(fact.commit()) + " on " +
                printable(fact.branch()) + ", " + std::to_string(fact.files_size()) + (fact.files_size() == 1 ? " file" : " files") + ", +" +
                std::to_string(insertions) + " -" + std::to_string(deletions) + " against " + commit_name(fact.base_commit()),
            below};
  }

  const Entry& entry_;
  std::string_view margin_;
};

}  // namespace

Told tell(const Entry& entry, std::string_view margin) {
  Teller teller(entry, margin);
  switch (entry.payload.aggregate_case()) {
    case v1::EventPayload::kIssue: return teller.issue(entry.payload.issue());
    case v1::EventPayload::kComment: return teller.comment(entry.payload.comment());
    case v1::EventPayload::kCopy: return teller.copy(entry.payload.copy());
    case v1::EventPayload::kSession: return teller.session(entry.payload.session());
    case v1::EventPayload::kTask: return teller.task(entry.payload.task());
    case v1::EventPayload::kIssueNumbers: return teller.numbered();
    case v1::EventPayload::kProjectUse: return teller.project_use(entry.payload.project_use());
    case v1::EventPayload::kProject: return teller.project(entry.payload.project());
    case v1::EventPayload::kIdentity:
    case v1::EventPayload::kWorkspace:
    case v1::EventPayload::kMembers:
    case v1::EventPayload::kWorker:
    case v1::EventPayload::kParking:
    case v1::EventPayload::AGGREGATE_NOT_SET: break;
  }
  return teller.unknown();
}

}  // namespace dossier::replay
