// The content of a file of evidence, as each of the forms that there are; the first line is its name where it is one.
#include <algorithm>
#include <string>

#include "base/check.hpp"
#include "tests/fuzz/targets.hpp"
#include "worker/artifacts/schemas.hpp"

namespace dossier::fuzz {

void run_evidence(std::string_view bytes) {
  namespace artifacts = worker::artifacts;
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view content = bytes.substr(std::min(end + 1, bytes.size()));
  const auto form = artifacts::form_of(bytes.substr(0, end));
  const auto checked = artifacts::check_content(form ? *form : *artifacts::form_of("any.xml"), content);
  CHECK(!checked.fault || (!checked.fault->code.empty() && !checked.fault->message.empty()));
  CHECK(!checked.tests || !checked.fault);
}

}  // namespace dossier::fuzz
