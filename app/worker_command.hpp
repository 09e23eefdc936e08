// `dossier worker` as an entry of the table of commands.
#pragma once

#include "app/cli/command_line.hpp"

namespace dossier::app {

int worker_command(const cli::Invocation& in);

}  // namespace dossier::app
