// The form of an id.
#include "base/ids.hpp"

namespace dossier {

bool is_id(std::string_view text, std::string_view prefix) noexcept {
  if (text.size() != prefix.size() + 1 + 32 || text.substr(0, prefix.size()) != prefix || text[prefix.size()] != '_') return false;
  for (char c : text.substr(prefix.size() + 1))
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  return true;
}

}  // namespace dossier
