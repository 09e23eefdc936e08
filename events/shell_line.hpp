// A shell command line taken apart into the simple commands that it runs, as far as that can be said without running it.
// What a shell would expand, redirect or substitute is not guessed at: such a line counts as not understood.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dossier::events {

inline constexpr std::size_t kMaxShellLineBytes = 64 * 1024;
inline constexpr std::size_t kMaxShellCommands = 256;

struct ShellWord {
  std::string text;     // quotes and escapes taken away
  bool literal = true;  // false: the shell may make other words of it (*, ?, [, {, ~)
};
using ShellCommand = std::vector<ShellWord>;  // never empty

struct ShellLine {
  // False: the line holds a substitution, a redirection into a file, a subshell, a reserved word, a comment, an open quote,
  // or is too long. `commands` then has what stands before.
  bool understood = true;
  std::vector<ShellCommand> commands;  // in order, whatever joins them: ; & && || | or a new line
};

// `bash -lc '…'` (sh, dash, zsh, ksh; plain or in a folder of the system) is replaced by the commands of its script.
ShellLine split_shell_line(std::string_view line);

}  // namespace dossier::events
