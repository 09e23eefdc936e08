// The program `dossier`: one table of commands, dispatched.
#include <csignal>
#include <string>
#include <vector>

#include "app/admin_commands.hpp"
#include "app/cli/command_table.hpp"
#include "app/serve_command.hpp"
#include "app/worker_command.hpp"
#include "app/worker_doctor_command.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of a write, and no death
  const dossier::cli::Programs programs{&dossier::app::serve_command, &dossier::app::worker_command, &dossier::app::worker_doctor_command,
                                        dossier::app::admin_commands()};
  const auto table = dossier::cli::command_table(programs);
  return dossier::cli::dossier_main(table, std::vector<std::string>(argv + 1, argv + argc));
}
