// RFC 9457 problem documents, and the one table from our error codes to HTTP.
#pragma once

#include <string_view>

#include "api/http/message.hpp"
#include "base/error.hpp"

namespace dossier::api {

struct ProblemKind {
  int status;
  std::string_view title;
};
// Exhaustive.
ProblemKind problem_kind(Code code) noexcept;

// {"type":"urn:dossier:problem:<code>","title":…,"status":…,"code":…,"detail":…,"field":…,"commit":…}; Retry-After where
// the code is transient, WWW-Authenticate where it is unauthenticated.
http::Response problem(const Error& error, std::string_view commit = {});

}  // namespace dossier::api
