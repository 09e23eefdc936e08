// The one table from error codes to exit codes, and the words of an error for the terminal.
#pragma once

#include <string>

#include "base/error.hpp"

namespace dossier::cli {

enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2, kNotFound = 3, kSignIn = 4, kConflict = 5 };

int exit_code(Code code) noexcept;
// The code of this name; internal for an unknown one.
Code code_of(std::string_view name) noexcept;
// What to do next, beyond the message: one line, empty where the message says it.
std::string next_step(const Error& error);
// Writes the error to standard error, as JSON ({"code":…,"message":…,"field":…,"next":…}) or for people; its exit code.
int report(const Error& error, bool json);

}  // namespace dossier::cli
