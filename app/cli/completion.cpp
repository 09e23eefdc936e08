// Completion scripts: words after each command, flags of each, values where they are few.
#include "app/cli/completion.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dossier::cli {
namespace {

// Path of a group ("" is the program) → the words that may follow.
std::map<std::string, std::vector<std::string>> words_after(const std::vector<Command>& table) {
  std::map<std::string, std::vector<std::string>> words;
  for (const auto& command : table) {
    std::string path;
    std::string_view rest = command.path;
    while (!rest.empty()) {
      const auto space = rest.find(' ');
      const std::string word(rest.substr(0, space));
      auto& list = words[path];
      if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
      path += (path.empty() ? "" : " ") + word;
      rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
    }
    for (const auto& argument : command.arguments)
      for (const auto& choice : argument.choices) words[command.path].push_back(choice);
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Flags whose value is a file or folder.
bool is_path(const Option& option) { return option.value == "FILE" || option.value == "DIR"; }

// For single quotes of a shell, and for the brackets of zsh's descriptions.
std::string quoted(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string bash_completion(const std::vector<Command>& table) {
  std::string out =
      "# bash completion of dossier: source <(dossier completion bash)\n"
      "_dossier() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path $word\" in\n";
  std::set<std::string> paths;
  for (const auto& command : table) {
    for (std::size_t end = 0; end != std::string::npos;) {
      end = command.path.find(' ', end + 1);
      paths.insert(command.path.substr(0, end));
    }
  }
  for (const auto& path : paths) {
    const auto space = path.rfind(' ');
    const std::string front = space == std::string::npos ? "" : path.substr(0, space);
    const std::string word = space == std::string::npos ? path : path.substr(space + 1);
    out += "      \"" + front + " " + word + "\") path=\"" + path + "\" ;;\n";
  }
  out += "    esac\n  done\n  local words= flags=\n  case \"$path\" in\n";
  const auto words = words_after(table);
  std::set<std::string> cases(paths);
  cases.insert("");
  std::map<std::string, const Option*> valued;
  for (const auto& path : cases) {
    const auto command =
        std::find_if(table.begin(), table.end(), [&](const Command& candidate) { return candidate.path == path; });
    std::vector<std::string> flags = {"--help"};
    if (command != table.end())
      for (const auto& option : command->options) {
        if (!option.is_flag()) continue;
        flags.push_back(option.name);
        if (!option.choices.empty() || is_path(option)) valued[option.name] = &option;
      }
    const auto found = words.find(path);
    out += "    \"" + path + "\") words=\"" + (found == words.end() ? "" : joined(found->second)) + "\" flags=\"" +
           joined(flags) + "\" ;;\n";
  }
  out += "  esac\n  case \"$before\" in\n";
  for (const auto& [name, option] : valued)
    out += "    " + name + ") " +
           (option->choices.empty() ? "COMPREPLY=($(compgen -f -- \"$current\"))"
                                    : "COMPREPLY=($(compgen -W \"" + joined(option->choices) + "\" -- \"$current\"))") +
           "; return ;;\n";
  out +=
      "  esac\n"
      "  [[ $current == -* ]] && words=$flags\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -F _dossier dossier\n";
  return out;
}

std::string zsh_completion(const std::vector<Command>& table) {
  const auto words = words_after(table);
  std::string out =
      "#compdef dossier\n"
      "# zsh completion of dossier: source <(dossier completion zsh)\n"
      "_dossier() {\n"
      "  local path= word\n"
      "  for word in \"${words[@]:1:$((CURRENT-2))}\"; do\n"
      "    case \"$path $word\" in\n";
  std::set<std::string> paths;
  for (const auto& command : table)
    for (std::size_t end = 0; end != std::string::npos;) {
      end = command.path.find(' ', end + 1);
      paths.insert(command.path.substr(0, end));
    }
  for (const auto& path : paths) {
    const auto space = path.rfind(' ');
    out += "      \"" + (space == std::string::npos ? "" : path.substr(0, space)) + " " +
           (space == std::string::npos ? path : path.substr(space + 1)) + "\") path=\"" + path + "\" ;;\n";
  }
  out += "    esac\n  done\n  case \"$path\" in\n";
  std::set<std::string> cases(paths);
  cases.insert("");
  for (const auto& path : cases) {
    out += "    \"" + path + "\")\n";
    std::vector<std::string> rows;
    const auto found = words.find(path);
    if (found != words.end())
      for (const auto& word : found->second) {
        const std::string full = path.empty() ? word : path + " " + word;
        const auto command =
            std::find_if(table.begin(), table.end(), [&](const Command& candidate) { return candidate.path == full; });
        rows.push_back("'" + quoted(word) + (command == table.end() ? "" : ":" + quoted(command->summary)) + "'");
      }
    if (!rows.empty())
      out += "      [[ ${words[CURRENT]} != -* ]] && { local -a list=(" + joined(rows) + "); _describe command list; }\n";
    const auto command =
        std::find_if(table.begin(), table.end(), [&](const Command& candidate) { return candidate.path == path; });
    out += "      [[ ${words[CURRENT]} == -* || ${words[CURRENT-1]} == -* ]] && _arguments '--help[what this command does]'";
    if (command != table.end())
      for (const auto& option : command->options) {
        if (!option.is_flag()) continue;
        out += " \\\n        '" + option.name + "[" + quoted(option.help) + "]";
        if (!option.value.empty()) {
          out += ":" + quoted(option.value) + ":";
          if (!option.choices.empty()) out += "(" + joined(option.choices) + ")";
          if (is_path(option)) out += "_files";
        }
        out += "'";
      }
    out += " \\\n        '*::: :'\n      ;;\n";
  }
  out +=
      "  esac\n"
      "}\n"
      "compdef _dossier dossier\n";
  return out;
}

}  // namespace dossier::cli
