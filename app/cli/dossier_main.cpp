// From arguments to an exit code; and the commands that speak of the program itself.
#include <algorithm>

#include "app/cli/command_line.hpp"
#include "app/cli/command_table.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/completion.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/output.hpp"
#include "events/limits.hpp"

namespace dossier::cli {
namespace {

const std::vector<Command>* the_table = nullptr;  // set once, before a command runs

}  // namespace

int dossier_main(const std::vector<Command>& table, std::vector<std::string> arguments) {
  the_table = &table;
  if (!arguments.empty() && arguments.front() == "--version") arguments.front() = "version";
  auto parsed = parse(table, arguments, process_environment());
  if (!parsed) return report(parsed.error(), std::find(arguments.begin(), arguments.end(), "--json") != arguments.end());
  if (const auto* help = std::get_if<HelpAsked>(&*parsed)) return print(help->text);
  const auto& command = std::get<Parsed>(*parsed);
  return command.command->run(command.invocation);
}

Result<int> print_version(const Invocation& in) {
  const json::Value::Object version{{"version", DOSSIER_VERSION},
                                    {"ledger_version", std::int64_t{events::kLedgerVersion}},
                                    {"envelope_version", std::int64_t{events::kEnvelopeVersion}}};
  if (in.json()) return print_json(version);
  return print("dossier " DOSSIER_VERSION "\n");
}

Result<int> print_completion(const Invocation& in) {
  return print(in.text("SHELL") == "bash" ? bash_completion(*the_table) : zsh_completion(*the_table));
}

}  // namespace dossier::cli
