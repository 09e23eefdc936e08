// The read models, each defined in the file of its name.
//
// A row's columns come from the events of one stream each (sums and maxima aside), so rows that were parked for one
// stream and written later never undo what another stream wrote meanwhile.
#pragma once

#include "projections/projection.hpp"

namespace dossier::projections {

Projection issues_model();
Projection timeline_model();
Projection comments_model();
Projection sessions_model();
Projection follow_ups_model();
Projection tasks_model();
Projection workers_model();
Projection identity_model();
Projection workspaces_model();
Projection members_model();
Projection projects_model();
Projection project_secrets_model();
Projection agents_model();
Projection worker_tokens_model();
Projection approvals_model();
Projection policies_model();

// never, on_request, untrusted.
std::string_view mode_name(v1::ApprovalPolicy::Mode mode);
// [ApprovalRule…] as facts show them.
std::string rules_json(const v1::ApprovalPolicy& policy);

}  // namespace dossier::projections
