// Bugs on purpose. The simulation proves that its checkers bite: each mutation is switched on in turn, and has to be found.
// Only the files that cmake/mutations.cmake names are compiled with them, and only in a tree that is built for tests;
// everywhere else on() is a constant false, and no code of them is left.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dossier::mutation {

enum class Name : std::uint8_t {
  none,
  skip_expectations,
  forget_duplicates,
  drop_position_guard,
  keep_memory_after_failure,
  skip_last_hash,
  skip_journal_row,
  answer_before_applied,
  answer_before_durable,
  answer_by_offset_alone,
  apply_late_result,
  lease_by_wall_clock,
  grant_before_accepted,
  never_lapse_offers,
  resume_events_off_by_one,
  resolve_twice,
  tell_before_accepted,
  leave_approvals_open,
  grant_to_another_boot,
  steer_late_words,
};

struct Description {
  Name name;
  std::string_view text;
  std::string_view what;
};
inline constexpr std::array kAll = {
    Description{Name::skip_expectations, "skip_expectations", "the ledger accepts a commit whose expectations do not hold"},
    Description{Name::forget_duplicates, "forget_duplicates", "the ledger accepts a commit id twice"},
    Description{Name::drop_position_guard, "drop_position_guard", "the projector's transaction does not ask for next_offset and last_hash"},
    Description{Name::keep_memory_after_failure, "keep_memory_after_failure", "the projector goes on with what it folded for a batch that failed"},
    Description{Name::skip_last_hash, "skip_last_hash", "attaching does not compare the record before the position"},
    Description{Name::skip_journal_row, "skip_journal_row", "the journal leaves out the last record of a batch"},
    Description{Name::answer_before_applied, "answer_before_applied", "verdicts are told before the transaction that makes them visible"},
    Description{Name::answer_before_durable, "answer_before_durable", "a commit without an acknowledgement is answered as accepted"},
    Description{Name::answer_by_offset_alone, "answer_by_offset_alone",
                "a command takes the verdict at its offset, whosever commit was applied there"},
    Description{Name::apply_late_result, "apply_late_result", "a report under an older offer counts like the present one"},
    Description{Name::lease_by_wall_clock, "lease_by_wall_clock", "leases end by the server's clock, not by the broker's"},
    Description{Name::grant_before_accepted, "grant_before_accepted", "a claim is granted when it is read, before it is accepted"},
    Description{Name::never_lapse_offers, "never_lapse_offers", "an offer that nobody claims never ends"},
    Description{Name::resume_events_off_by_one, "resume_events_off_by_one", "an event stream resumes one commit too late"},
    Description{Name::resolve_twice, "resolve_twice", "an approval that was decided is decided once more"},
    Description{Name::tell_before_accepted, "tell_before_accepted", "an agent is answered when its question is read, before it is accepted"},
    Description{Name::leave_approvals_open, "leave_approvals_open", "a session's end leaves its approvals open"},
    Description{Name::grant_to_another_boot, "grant_to_another_boot", "a claim counts for every boot of its worker"},
    Description{Name::steer_late_words, "steer_late_words", "what a run was told is steered into a later turn by a late word"},
};

#ifdef DOSSIER_MUTATIONS
inline namespace compiled_in {
inline Name active = Name::none;  // set between runs, while nothing else runs
inline bool on(Name name) { return active == name; }
}  // namespace compiled_in
#else
inline namespace compiled_out {
constexpr bool on(Name) { return false; }
}  // namespace compiled_out
#endif

}  // namespace dossier::mutation
