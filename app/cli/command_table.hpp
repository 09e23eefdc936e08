// The table of commands, completed by what only the program links: the server, the worker, the operator's tools.
#pragma once

#include <vector>

#include "app/cli/command.hpp"

namespace dossier::cli {

// A nullptr leaves the command out.
struct Programs {
  int (*serve)(const Invocation&) = nullptr;
  int (*worker)(const Invocation&) = nullptr;
  int (*worker_doctor)(const Invocation&) = nullptr;
  std::vector<Command> admin = {};
};
// --kafka, --database and their like, of every command that works on the stack itself.
std::vector<Option> stack_options();
std::vector<Command> command_table(const Programs& programs);

// Parses, runs, and answers the process's exit code.
int dossier_main(const std::vector<Command>& table, std::vector<std::string> arguments);

}  // namespace dossier::cli
