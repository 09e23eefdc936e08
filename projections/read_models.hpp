// The read models, each defined in the file and the namespace of its name.
//
// A row's columns come from the events of one stream each (sums and maxima aside), so rows that were parked for one
// stream and written later never undo what another stream wrote meanwhile.
#pragma once

#include "projections/projection.hpp"

namespace dossier::projections {

namespace issues {
Projection model();
}
namespace timeline {
Projection model();
}
namespace comments {
Projection model();
}
namespace sessions {
Projection model();
}
namespace follow_ups {
Projection model();
}
namespace tasks {
Projection model();
}
namespace workers {
Projection model();
}
namespace identity {
Projection model();
}
namespace workspaces {
Projection model();
}
namespace members {
Projection model();
}
namespace projects {
Projection model();
}
namespace project_secrets {
Projection model();
}
namespace agents {
Projection model();
}
namespace worker_tokens {
Projection model();
}
namespace approvals {
Projection model();
}
namespace policies {
Projection model();
}

}  // namespace dossier::projections
