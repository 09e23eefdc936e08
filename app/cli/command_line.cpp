// Parsing by CLI11, made from the table; and everything it does not do: which setting wins, what was probably meant.
#include "app/cli/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <deque>
#include <memory>

#include "app/cli/profile.hpp"

namespace dossier::cli {
namespace {

std::vector<std::string> words(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const auto space = path.find(' ');
    out.emplace_back(path.substr(0, space));
    path = space == std::string_view::npos ? std::string_view{} : path.substr(space + 1);
  }
  return out;
}

// A node of CLI11's tree, with what was given to it.
struct Node {
  CLI::App* app = nullptr;
  const Command* command = nullptr;
  std::string path;
  Node* parent = nullptr;
  std::deque<std::string> storage;  // CLI11 keeps references into it
  std::vector<std::pair<std::string, CLI::Option*>> given;
  CLI::Option* help = nullptr;
};

class Tree {
 public:
  explicit Tree(const std::vector<Command>& table) {
    root_.set_help_flag("");
    nodes_.push_back(std::make_unique<Node>());
    nodes_[0]->app = &root_;
    for (const auto& command : table) {
      Node* node = nodes_[0].get();
      for (const auto& word : words(command.path)) node = child(node, word);
      node->command = &command;
    }
    for (auto& node : nodes_) fill(*node);
  }

  void parse(const std::vector<std::string>& arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    root_.parse(reversed);
  }

  // The deepest subcommand that was named.
  Node& chosen() {
    Node* deepest = nodes_[0].get();
    for (auto& node : nodes_)
      if (node->parent != nullptr && node->app->parsed() && node->path.size() > deepest->path.size()) deepest = node.get();
    return *deepest;
  }
  std::vector<std::string> left_over() const {
    auto left = root_.remaining(true);
    std::erase(left, "--");  // CLI11 keeps the mark which ends the flags
    return left;
  }
  std::vector<std::string> children_of(const Node& parent) const {
    std::vector<std::string> names;
    for (const auto& node : nodes_)
      if (node->parent == &parent) names.push_back(node->app->get_name());
    return names;
  }

 private:
  Node* child(Node* parent, const std::string& word) {
    for (auto& node : nodes_)
      if (node->parent == parent && node->app->get_name() == word) return node.get();
    nodes_.push_back(std::make_unique<Node>());
    Node* made = nodes_.back().get();
    made->parent = parent;
    made->path = parent->path.empty() ? word : parent->path + " " + word;
    made->app = parent->app->add_subcommand(word);
    return made;
  }

  void fill(Node& node) {
    node.app->set_help_flag("");
    node.app->allow_extras();
    node.app->require_subcommand(0, 1);
    node.help = node.app->add_flag("-h,--help");
    if (node.command == nullptr) return;
    // Positionals first: CLI11 fills them in this order.
    for (const auto& argument : node.command->arguments)
      node.given.emplace_back(argument.name, node.app->add_option(argument.name, node.storage.emplace_back()));
    for (const auto& option : node.command->options)
      if (option.is_flag())
        node.given.emplace_back(
            option.name, option.value.empty() ? node.app->add_flag(option.name) : node.app->add_option(option.name, node.storage.emplace_back()));
  }

  CLI::App root_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

Error usage(const std::string& message, const std::string& path) {
  const std::string see = message.back() == '?' ? " See: dossier " : "; see: dossier ";
  return make_error(Code::usage, message + see + (path.empty() ? "" : path + " ") + "--help");
}

Error unexpected(const std::string& word, const Node& node, const std::vector<std::string>& children) {
  if (word.size() > 1 && word[0] == '-') {
    const std::string name = word.substr(0, word.find('='));
    std::vector<std::string> options = {"--help"};
    if (node.command != nullptr)
      for (const auto& option : node.command->options)
        if (option.is_flag()) options.push_back(option.name);
    const std::string meant = nearest(name, options);
    return usage("unknown flag " + name + (meant.empty() ? "" : ": did you mean " + meant + "?"), node.path);
  }
  if (children.empty() || (node.command != nullptr && node.command->run != nullptr && !node.command->arguments.empty()))
    return usage("unexpected argument '" + word + "'", node.path);
  const std::string meant = nearest(word, children);
  return usage(
      "unknown command '" + (node.path.empty() ? "" : node.path + " ") + word + "'" + (meant.empty() ? "" : ": did you mean '" + meant + "'?"),
      node.path);
}

Status check_choice(const std::string& name, const std::string& value, const std::vector<std::string>& choices, const std::string& path) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
  std::string list;
  for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  return usage(name + " is '" + value + "', and must be one of " + list, path);
}

// flag > environment > profile > fallback.
Status resolve(Invocation& invocation, const Command& command, const Environment& environment) {
  const std::string flag = invocation.text("--profile");
  Profile profile;
  const bool wants_profile =
      std::any_of(command.options.begin(), command.options.end(), [](const Option& option) { return !option.profile.empty(); });
  if (wants_profile) {
    TRY(profile, load_profile(flag, environment, program_folder()));
    invocation.profile_file = profile.file;
  }
  for (const auto& option : command.options) {
    if (invocation.values.count(option.name) == 0 && !option.environment.empty())
      if (auto value = environment(option.environment); !value.empty()) invocation.values[option.name] = value;
    if (invocation.values.count(option.name) == 0 && !option.profile.empty())
      if (const auto value = profile.values.find(option.profile); value != profile.values.end() && !value->second.empty())
        invocation.values[option.name] = value->second;
    if (invocation.values.count(option.name) == 0 && !option.fallback.empty()) invocation.values[option.name] = option.fallback;
    if (const auto value = invocation.values.find(option.name); value != invocation.values.end() && !option.value.empty())
      TRY_STATUS(check_choice(option.name, value->second, option.choices, command.path));
  }
  for (const auto& argument : command.arguments) {
    const auto value = invocation.values.find(argument.name);
    if (value == invocation.values.end()) {
      if (argument.required) return usage(argument.name + " is missing: " + argument.help, command.path);
      continue;
    }
    TRY_STATUS(check_choice(argument.name, value->second, argument.choices, command.path));
  }
  return {};
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
}

Result<std::variant<Parsed, HelpAsked>> parse(const std::vector<Command>& table, const std::vector<std::string>& arguments,
                                              const Environment& environment) {
  using Answer = std::variant<Parsed, HelpAsked>;
  if (!arguments.empty() && arguments[0] == "help") {
    std::string path;
    for (std::size_t i = 1; i < arguments.size(); ++i) path += (i > 1 ? " " : "") + arguments[i];
    const bool known = path.empty() || std::any_of(table.begin(), table.end(), [&](const Command& command) {
                         return command.path == path || command.path.compare(0, path.size() + 1, path + " ") == 0;
                       });
    if (known) return Answer(HelpAsked{help_text(table, path)});
  }
  Tree tree(table);
  try {
    tree.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return usage(error.what(), tree.chosen().path);
  }
  Node& node = tree.chosen();
  if (node.help->count() > 0) return Answer(HelpAsked{help_text(table, node.path)});
  if (const auto left = tree.left_over(); !left.empty()) return unexpected(left.front(), node, tree.children_of(node));
  if (node.command == nullptr || node.command->run == nullptr) {
    if (arguments.empty()) return Answer(HelpAsked{help_text(table, "")});
    return usage("which command of '" + node.path + "'", node.path);
  }
  Parsed parsed;
  parsed.command = node.command;
  parsed.invocation.path = node.path;
  parsed.invocation.options = node.command->options;
  for (const auto& [name, option] : node.given) {
    if (option->count() == 0) continue;
    const bool is_switch = option->get_expected_max() == 0;
    if (is_switch && option->results().back() != "true") return usage(name + " takes no value", node.path);
    parsed.invocation.values[name] = option->results().back();
  }
  TRY_STATUS(resolve(parsed.invocation, *node.command, environment));
  return Answer(std::move(parsed));
}

std::string Invocation::text(std::string_view name) const {
  const auto value = values.find(name);
  return value == values.end() ? std::string() : value->second;
}

std::optional<std::string> Invocation::optional(std::string_view name) const {
  const auto value = values.find(name);
  return value == values.end() ? std::optional<std::string>{} : std::optional<std::string>(value->second);
}

Result<std::string> Invocation::required(std::string_view name) const {
  if (auto value = optional(name); value && !value->empty()) return std::move(*value);
  std::string message = std::string(name) + " is missing: give it";
  for (const auto& option : options) {
    if (option.name != name) continue;
    if (!option.environment.empty()) message += ", or set " + option.environment;
    if (!option.profile.empty()) message += ", or \"" + option.profile + "\" in " + (profile_file.empty() ? "a profile" : profile_file);
  }
  return make_error(Code::usage, message);
}

Result<std::int64_t> Invocation::number(std::string_view name, std::int64_t least, std::int64_t most) const {
  TRY(const std::string value, required(name));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most)
    return make_error(Code::usage, std::string(name) + " is '" + value + "', and must be a whole number from " + std::to_string(least) + " to " +
                                       std::to_string(most));
  return number;
}

}  // namespace dossier::cli
