// Standard input as an argument.
#include "app/cli/text_argument.hpp"

#include <cstdio>

namespace dossier::cli {

Result<std::string> text_or_stdin(const std::string& given) {
  if (given != "-") return given;
  std::string text(kMaxTextBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  if (text.size() > kMaxTextBytes)
    return make_error(Code::payload_too_large, "standard input has more than " + std::to_string(kMaxTextBytes) + " bytes");
  return text;
}

}  // namespace dossier::cli
