// Shell completion, from the table of commands.
#pragma once

#include <string>
#include <vector>

#include "app/cli/command.hpp"

namespace dossier::cli {

std::string bash_completion(const std::vector<Command>& table);
std::string zsh_completion(const std::vector<Command>& table);

}  // namespace dossier::cli
