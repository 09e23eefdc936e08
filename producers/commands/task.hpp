// Commands on tasks: by people (cancel), by the scheduler (offer, lapse, expire), by workers' reports.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "dossier/v1/worker.pb.h"
#include "producers/command.hpp"

namespace dossier::producers::commands {

// By a member. At once before a claim, a request after it.
Decide cancel_task(TaskId task, std::string reason);

// By the scheduler. Nothing is decided where the task moved on meanwhile.
Decide offer_task(TaskId task, WorkerId worker, std::int64_t deadline_us);
Decide lapse_offer(TaskId task, std::uint32_t offer, std::string reason);
// By intake, in broker time.
Decide expire_lease(TaskId task, std::uint32_t offer);

// By a worker, its signature and token checked before. What the fence does not admit:
//   - a claim or decline: offer_superseded, nothing is written
//   - any other report under an offer that this worker once held: LateResultRecorded, kept as evidence, never applied
//   - any other report under an offer that it never held: offer_superseded
// An end of the task also ends its session and releases the working copy, in the same commit.
Decide worker_report(v1::Report report);

// True where the committed events say that the report came too late (the worker must stop that agent).
bool recorded_as_late(const v1::Commit& commit);
// Of a claim: true where another boot of its worker had claimed the offer, and nothing is granted.
bool ended_the_lease(const v1::Commit& commit);

}  // namespace dossier::producers::commands
