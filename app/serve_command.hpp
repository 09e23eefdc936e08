// `dossier serve` as an entry of the table of commands.
#pragma once

#include "app/cli/command_line.hpp"

namespace dossier::app {

int serve_command(const cli::Invocation& in);

}  // namespace dossier::app
