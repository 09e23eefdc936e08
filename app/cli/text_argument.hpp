// Texts given at the command line.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace dossier::cli {

inline constexpr std::size_t kMaxTextBytes = 1u << 20;  // the server has the last word

// As given; "-" reads standard input to its end. payload_too_large.
Result<std::string> text_or_stdin(const std::string& given);

}  // namespace dossier::cli
