// Splitting of shell lines. One pass over the bytes; every byte that is not known to be harmless ends it.
#include "events/shell_line.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace dossier::events {
namespace {

constexpr int kMaxNestedShells = 4;

constexpr std::array<std::string_view, 24> kReserved = {"{",     "}",    "!",    "if",   "then", "else",     "elif", "fi",
                                                        "for",   "do",   "done", "case", "esac", "function", "in",   "while",
                                                        "until", "time", "[[",   "]]",   "((",   "coproc",   "))",   "select"};
constexpr std::array<std::string_view, 5> kShells = {"sh", "bash", "dash", "zsh", "ksh"};
constexpr std::array<std::string_view, 4> kSystemFolders = {"", "/bin/", "/usr/bin/", "/usr/local/bin/"};

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  ShellLine split() && {
    while (out_.understood && at_ < line_.size()) step();
    if (out_.understood) end_command();
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < line_.size() ? line_[at_ + ahead] : '\0'; }
  void give_up() { out_.understood = false; }

  void add(char c) {
    word_.text += c;
    in_word_ = true;
  }
  void end_word() {
    if (!in_word_) return;
    const bool is_reserved = command_.empty() && !quoted_ && std::find(kReserved.begin(), kReserved.end(), word_.text) != kReserved.end();
    if (is_reserved) return give_up();
    if (word_.text == "[" || word_.text == "]") word_.literal = true;  // alone they stand for themselves
    command_.push_back(std::move(word_));
    word_ = {};
    in_word_ = quoted_ = false;
  }
  void end_command() {
    end_word();
    if (!out_.understood || command_.empty()) return;
    if (out_.commands.size() >= kMaxShellCommands) return give_up();
    out_.commands.push_back(std::move(command_));
    command_ = {};
  }

  void step() {
    const char c = peek();
    switch (c) {
      case ' ':
      case '\t': ++at_; return end_word();
      case '\n':
      case ';':
      case '|': ++at_; return end_command();
      case '&':
        ++at_;
        if (peek() != '>') return end_command();
        end_word();
        return redirect();
      case '>': return redirect();
      case '\'': return single_quoted();
      case '"': return double_quoted();
      case '\\': return escaped();
      case '#':
        if (!in_word_) return give_up();
        break;
      case '$':
      case '`':
      case '<':
      case '(':
      case ')': return give_up();
      case '*':
      case '?':
      case '[':
      case '{':
      case '~': word_.literal = false; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return give_up();
        break;
    }
    ++at_;
    add(c);
  }

  // Only what writes nothing: to another descriptor, or to /dev/null.
  void redirect() {
    if (in_word_ && (quoted_ || !is_digits(word_.text))) end_word();  // "a>b" is a word and a redirection
    word_ = {};
    in_word_ = quoted_ = false;
    ++at_;
    std::size_t target = at_;
    if (peek() == '&') {
      const bool is_descriptor = peek(1) >= '0' && peek(1) <= '9';
      if (!is_descriptor) return give_up();
      at_ += 2;
    } else {
      if (peek() == '>') ++target;
      while (target < line_.size() && line_[target] == ' ') ++target;
      static constexpr std::string_view kNull = "/dev/null";
      if (line_.substr(target, kNull.size()) != kNull) return give_up();
      at_ = target + kNull.size();
    }
    static constexpr std::string_view kEnds = " \t\n;|&";
    if (at_ < line_.size() && kEnds.find(peek()) == std::string_view::npos) give_up();
  }

  void single_quoted() {
    const std::size_t end = line_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return give_up();
    word_.text += line_.substr(at_ + 1, end - at_ - 1);
    in_word_ = quoted_ = true;
    at_ = end + 1;
  }

  void double_quoted() {
    in_word_ = quoted_ = true;
    for (++at_; at_ < line_.size(); ++at_) {
      char c = peek();
      if (c == '"') {
        ++at_;
        return;
      }
      if (c == '$' || c == '`') return give_up();
      if (c == '\\') {
        const char next = peek(1);
        if (next == '\n') {
          ++at_;
          continue;
        }
        if (next == '"' || next == '\\' || next == '$' || next == '`') {
          ++at_;
          c = next;
        }
      }
      word_.text += c;
    }
    give_up();
  }

  void escaped() {
    if (at_ + 1 >= line_.size()) return give_up();
    const char next = peek(1);
    at_ += 2;
    if (next == '\n') return;  // the line goes on
    quoted_ = true;
    add(next);
  }

  const std::string_view line_;
  std::size_t at_ = 0;
  ShellLine out_;
  ShellCommand command_;
  ShellWord word_;
  bool in_word_ = false;
  bool quoted_ = false;
};

// The script of `bash -lc SCRIPT`; nullptr: another command.
const std::string* script_of(const ShellCommand& command) {
  if (command.size() != 3 || !std::all_of(command.begin(), command.end(), [](const ShellWord& word) { return word.literal; })) return nullptr;
  const std::string_view program = command[0].text;
  const std::size_t slash = program.rfind('/');
  const std::string_view folder = slash == std::string_view::npos ? std::string_view() : program.substr(0, slash + 1);
  const std::string_view name = program.substr(folder.size());
  if (std::find(kSystemFolders.begin(), kSystemFolders.end(), folder) == kSystemFolders.end()) return nullptr;
  if (std::find(kShells.begin(), kShells.end(), name) == kShells.end()) return nullptr;
  const std::string_view flags = command[1].text;
  const bool runs_script =
      flags.size() >= 2 && flags.front() == '-' && flags.back() == 'c' && flags.substr(1).find_first_not_of("leuxc") == std::string_view::npos;
  return runs_script ? &command[2].text : nullptr;
}

void append_line(ShellLine& out, std::string_view text, int depth) {
  if (text.size() > kMaxShellLineBytes) {
    out.understood = false;
    return;
  }
  ShellLine line = Splitter(text).split();
  for (ShellCommand& command : line.commands) {
    const std::string* script = script_of(command);
    if (script != nullptr && depth < kMaxNestedShells) {
      append_line(out, *script, depth + 1);
    } else if (out.commands.size() >= kMaxShellCommands) {
      out.understood = false;
    } else {
      out.commands.push_back(std::move(command));
    }
  }
  out.understood = out.understood && line.understood;
}

}  // namespace

ShellLine split_shell_line(std::string_view line) {
  ShellLine out;
  append_line(out, line, 0);
  return out;
}

}  // namespace dossier::events
