// `dossier worker doctor` as an entry of the table of commands.
#pragma once

#include "app/cli/command_line.hpp"

namespace dossier::app {

int worker_doctor_command(const cli::Invocation& in);

}  // namespace dossier::app
