// Walks the suites of a report.
#include "worker/artifacts/junit.hpp"

#include <charconv>

#include "platform/xml/xml.hpp"

namespace dossier::worker::artifacts {
namespace {

bool has_child(const xml::Element& element, std::string_view name) {
  for (const xml::Element& child : element.children)
    if (child.name == name) return true;
  return false;
}

void count_cases(const xml::Element& suite, TestCounts& counts) {
  for (const xml::Element& child : suite.children) {
    if (child.name == "testsuite") count_cases(child, counts);
    if (child.name != "testcase") continue;
    ++counts.tests;
    // One that failed in several ways counts once.
    if (has_child(child, "error"))
      ++counts.errors;
    else if (has_child(child, "failure"))
      ++counts.failures;
    else if (has_child(child, "skipped"))
      ++counts.skipped;
  }
}

Status add_attribute(const xml::Element& suite, const char* name, std::uint32_t& count) {
  const std::string* text = suite.attribute(name);
  if (text == nullptr || text->empty()) return {};
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (problem != std::errc{} || end != text->data() + text->size() || value > 10'000'000)
    return make_error(Code::invalid_field, "the attribute " + std::string(name) + " of <" + suite.name + "> must be a number of tests");
  count += value;
  return {};
}

Status add_attributes(const xml::Element& suite, TestCounts& counts) {
  TRY_STATUS(add_attribute(suite, "tests", counts.tests));
  TRY_STATUS(add_attribute(suite, "failures", counts.failures));
  TRY_STATUS(add_attribute(suite, "errors", counts.errors));
  return add_attribute(suite, "skipped", counts.skipped);
}

}  // namespace

Result<TestCounts> read_junit(std::string_view content) {
  TRY(const xml::Element root, xml::parse(content));
  if (root.name != "testsuites" && root.name != "testsuite")
    return make_error(Code::invalid_field, "the root must be <testsuites> or <testsuite>, not <" + root.name + ">");
  TestCounts counts;
  count_cases(root, counts);
  if (counts.tests > 0) return counts;
  if (root.attribute("tests") != nullptr) {
    TRY_STATUS(add_attributes(root, counts));
    return counts;
  }
  for (const xml::Element& suite : root.children)
    if (suite.name == "testsuite") TRY_STATUS(add_attributes(suite, counts));
  return counts;
}

}  // namespace dossier::worker::artifacts
