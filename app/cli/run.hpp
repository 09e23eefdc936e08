// The frame around a command: a Result becomes an exit code, an Error is reported.
#pragma once

#include "app/cli/command.hpp"
#include "app/cli/exit_codes.hpp"

namespace dossier::cli {

// For entries of the table: run<&function> where `Result<int> function(const Invocation&)`.
template <Result<int> (*function)(const Invocation&)>
int run(const Invocation& invocation) {
  auto code = function(invocation);
  return code ? *code : report(code.error(), invocation.json());
}

}  // namespace dossier::cli
