// The first line is a secret, the rest a text: in one piece, in small ones, and in lines, it never leaves whole, and a text
// in chunks gives what it gives at once.
#include <algorithm>

#include "base/check.hpp"
#include "tests/fuzz/targets.hpp"
#include "worker/masking/masker.hpp"

namespace dossier::fuzz {
namespace {

namespace masking = worker::masking;

std::string in_chunks(const std::shared_ptr<const masking::Secrets>& secrets, std::string_view text, std::size_t size) {
  masking::Masker masker(secrets);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += size) masker.feed(text.substr(at, size), out);
  masker.finish(out);
  return out;
}

}  // namespace

void run_masking(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string secret(bytes.substr(0, end));
  const std::string_view text = bytes.substr(std::min(end + 1, bytes.size()));
  const auto secrets = masking::Secrets::make({secret});
  if (!secrets) return;
  const std::string whole = masking::mask_text(*secrets, text);
  // "*" in a secret may come together with what masks it.
  const bool tells = (*secrets)->passed_over() == 0 && secret.find('*') == std::string::npos && secret.find_first_of(" \t\r") == std::string::npos;
  CHECK(!tells || whole.find(secret) == std::string::npos);
  for (const std::size_t size : {1, 3, 64}) {
    const std::string out = in_chunks(*secrets, text, size);
    CHECK(!tells || out.find(secret) == std::string::npos);
    // Behind a secret that repeats itself, a line's end in JSON may count as one at once, and not in chunks.
    CHECK(text.find('\\') != std::string::npos || out == whole);
  }
  masking::Masker lines(*secrets);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t line = std::min(rest.find('\n'), rest.size());
    lines.line(rest.substr(0, line), line % 3 == 0);
    rest.remove_prefix(std::min(line + 1, rest.size()));
  }
}

}  // namespace dossier::fuzz
