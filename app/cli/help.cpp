// --help, from the table.
#include <algorithm>

#include "app/cli/command_line.hpp"

namespace dossier::cli {
namespace {

constexpr std::size_t kWidth = 100;

void append_row(std::string& out, const std::string& left, const std::string& right, std::size_t column) {
  out += "  " + left;
  if (left.size() + 2 > column)
    out += "\n" + std::string(column + 2, ' ');
  else
    out += std::string(column - left.size(), ' ');
  std::size_t used = column + 2;
  std::string_view rest = right;
  while (!rest.empty()) {
    const auto space = rest.find(' ');
    const std::string_view word = rest.substr(0, space);
    if (used > column + 2 && used + 1 + word.size() > kWidth) {
      out += "\n" + std::string(column + 2, ' ');
      used = column + 2;
    } else if (used > column + 2) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  }
  out += '\n';
}

std::string described(const Option& option) {
  std::string text = option.help;
  if (!option.choices.empty()) {
    text += " (";
    for (const auto& choice : option.choices) text += (&choice == option.choices.data() ? "" : ", ") + choice;
    text += ")";
  }
  if (!option.fallback.empty()) text += " [" + option.fallback + "]";
  if (!option.environment.empty() && option.is_flag()) text += " $" + option.environment;
  return text;
}

}  // namespace

std::string help_text(const std::vector<Command>& table, std::string_view path) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Command& command) { return command.path == path; });
  const Command* command = found == table.end() ? nullptr : &*found;
  std::string out;
  if (path.empty()) out += "Dossier keeps the dossier of every issue that people and coding agents work on.\n\n";
  if (command != nullptr) {
    out += command->summary + "\n\n";
    if (command->run != nullptr) {
      out += "usage: dossier " + command->path;
      for (const auto& argument : command->arguments) out += argument.required ? " " + argument.name : " [" + argument.name + "]";
      out += command->options.empty() ? "\n" : " [flags]\n";
    }
  }
  const std::string prefix = path.empty() ? std::string() : std::string(path) + " ";
  std::vector<const Command*> below;
  for (const auto& candidate : table)
    if (candidate.path != path && candidate.path.compare(0, prefix.size(), prefix) == 0 && candidate.run != nullptr) below.push_back(&candidate);
  if (!below.empty()) {
    out += (command == nullptr || command->run == nullptr ? "usage: dossier " + prefix + "COMMAND …\n\ncommands:\n" : std::string("\ncommands:\n"));
    for (const auto* candidate : below) append_row(out, candidate->path, candidate->summary, 24);
  }
  if (command != nullptr && !command->arguments.empty()) {
    out += "\narguments:\n";
    for (const auto& argument : command->arguments) append_row(out, argument.name, argument.help, 28);
  }
  if (command != nullptr && !command->options.empty()) {
    out += "\nflags (over $VARIABLE, over the profile):\n";
    for (const auto& option : command->options)
      append_row(out, option.is_flag() ? option.name + (option.value.empty() ? "" : " " + option.value) : "$" + option.name, described(option), 28);
  }
  if (command != nullptr && !command->more.empty()) out += "\n" + command->more + "\n";
  if (path.empty())
    out +=
        "\ndossier COMMAND --help says more of each. Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 sign in, 5 "
        "conflict.\n";
  return out;
}

}  // namespace dossier::cli
