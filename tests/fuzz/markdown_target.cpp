// A person's Markdown: the names that it mentions and its checklist.
#include <set>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "events/markdown.hpp"
#include "tests/fuzz/targets.hpp"

namespace dossier::fuzz {

void run_markdown(std::string_view bytes) {
  const auto names = events::mentions(bytes);
  CHECK(names.size() <= events::kMaxMentions);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  for (const std::string& name : names) {
    CHECK(!name.empty() && name.front() >= 'a' && name.front() <= 'z');
    for (const char c : name) CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
  }
  const auto rows = events::checklist(bytes);
  CHECK(rows.size() <= events::kMaxChecklistRows);
  for (const auto& row : rows) {
    CHECK(!row.text.empty() && row.text.find('\n') == std::string::npos);
    CHECK(!is_utf8(bytes) || is_utf8(row.text));
  }
}

}  // namespace dossier::fuzz
