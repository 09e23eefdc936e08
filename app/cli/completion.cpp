// Completion scripts: the words after each command, its flags, and values where they are few. Both scripts first walk the
// words typed so far to the command they name, then offer what the table has for it.
#include "app/cli/completion.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dossier::cli {
namespace {

struct Word {
  std::string text;
  std::string help;
};

// A command or group ("" is the program) with what may follow it.
struct Place {
  std::vector<Word> words;
  std::vector<Word> flags = {{"--help", "what this command does"}};
};

struct Values {
  std::vector<std::string> choices;  // none: files
};

struct Tables {
  std::map<std::string, Place> places;
  std::map<std::string, Values> values;  // by flag; a flag's values are the same wherever it stands
};

bool is_path(const Option& option) { return option.value == "FILE" || option.value == "DIR"; }

Tables tables_of(const std::vector<Command>& table) {
  Tables tables;
  for (const auto& command : table) {
    std::string path;
    std::string_view rest = command.path;
    while (!rest.empty()) {
      const auto space = rest.find(' ');
      const std::string word(rest.substr(0, space));
      auto& words = tables.places[path].words;
      const bool last = space == std::string_view::npos;
      const auto known = std::find_if(words.begin(), words.end(), [&](const Word& one) { return one.text == word; });
      if (known == words.end())
        words.push_back({word, last ? command.summary : std::string()});
      else if (last)
        known->help = command.summary;
      path += (path.empty() ? "" : " ") + word;
      rest = last ? std::string_view{} : rest.substr(space + 1);
    }
    Place& place = tables.places[path];
    for (const auto& argument : command.arguments)
      for (const auto& choice : argument.choices) place.words.push_back({choice, {}});
    for (const auto& option : command.options) {
      if (!option.is_flag()) continue;
      place.flags.push_back({option.name, option.help});
      if (!option.choices.empty() || is_path(option)) tables.values[option.name] = {option.choices};
    }
  }
  return tables;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string texts(const std::vector<Word>& words) {
  std::vector<std::string> list;
  list.reserve(words.size());
  for (const auto& word : words) list.push_back(word.text);
  return joined(list);
}

// Lines of a case over "<place> <word>" that step from one place to the next.
std::string steps(const Tables& tables) {
  std::string out;
  for (const auto& [path, place] : tables.places) {
    if (path.empty()) continue;
    const auto space = path.rfind(' ');
    const std::string before = space == std::string::npos ? "" : path.substr(0, space);
    out.append("      '").append(before).append(" ").append(space == std::string::npos ? path : path.substr(space + 1));
    out.append("') place='").append(path).append("' ;;\n");
  }
  return out;
}

// For single quotes of a shell; zsh's lists want their colons escaped.
std::string described(const Word& word) {
  std::string out;
  for (char c : word.text + (word.help.empty() ? "" : "\n" + word.help)) {
    if (c == '\'')
      out += "'\\''";
    else if (c == ':')
      out += "\\:";
    else
      out += c == '\n' ? ':' : c;
  }
  return "'" + out + "'";
}

std::string described(const std::vector<Word>& words) {
  std::vector<std::string> list;
  list.reserve(words.size());
  for (const auto& word : words) list.push_back(described(word));
  return joined(list);
}

}  // namespace

std::string bash_completion(const std::vector<Command>& table) {
  const Tables tables = tables_of(table);
  std::string out =
      "# bash completion of dossier: source <(dossier completion bash)\n"
      "_dossier() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} place= word words= flags=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$place $word\" in\n" +
      steps(tables) +
      "    esac\n"
      "  done\n"
      "  case \"$place\" in\n";
  for (const auto& [path, place] : tables.places)
    out += "    '" + path + "') words='" + texts(place.words) + "' flags='" + texts(place.flags) + "' ;;\n";
  out += "  esac\n  case \"$before\" in\n";
  for (const auto& [flag, values] : tables.values)
    out += "    " + flag + ") COMPREPLY=($(compgen " + (values.choices.empty() ? std::string("-f") : "-W '" + joined(values.choices) + "'") +
           " -- \"$current\")); return ;;\n";
  return out +
         "  esac\n"
         "  [[ $current == -* ]] && words=$flags\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -F _dossier dossier\n";
}

std::string zsh_completion(const std::vector<Command>& table) {
  const Tables tables = tables_of(table);
  std::string out =
      "#compdef dossier\n"
      "# zsh completion of dossier: source <(dossier completion zsh)\n"
      "_dossier() {\n"
      "  local place= word\n"
      "  local -a list flags\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$place $word\" in\n" +
      steps(tables) +
      "    esac\n"
      "  done\n"
      "  case \"${words[CURRENT-1]}\" in\n";
  for (const auto& [flag, values] : tables.values)
    out += "    " + flag + ") " + (values.choices.empty() ? std::string("_files") : "compadd -- " + joined(values.choices)) + "; return ;;\n";
  out += "  esac\n  case \"$place\" in\n";
  for (const auto& [path, place] : tables.places)
    out += "    '" + path + "')\n      list=(" + described(place.words) + ")\n      flags=(" + described(place.flags) + ") ;;\n";
  return out +
         "  esac\n"
         "  if [[ ${words[CURRENT]} == -* ]]; then _describe -o flag flags; else _describe command list; fi\n"
         "}\n"
         "compdef _dossier dossier\n";
}

}  // namespace dossier::cli
