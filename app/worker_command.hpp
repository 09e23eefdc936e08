// `dossier worker` as an entry of the table of commands.
#pragma once

#include <string>

#include "app/cli/command_line.hpp"
#include "base/result.hpp"

namespace dossier::app {

int worker_command(const cli::Invocation& in);
// From --token-file, else --token. usage.
Result<std::string> worker_token(const cli::Invocation& in);
// Where a worker keeps its things if nobody says: "" without a home.
std::string default_work_root(const cli::Environment& environment);

}  // namespace dossier::app
