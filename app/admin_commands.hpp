// dossier admin …: what an operator does with the stack itself. Only the program links these.
#pragma once

#include <vector>

#include "app/cli/command.hpp"

namespace dossier::app {

std::vector<cli::Command> admin_commands();

}  // namespace dossier::app
