// How many tests a JUnit report tells of, and how they ended. Pure.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "worker/artifacts/schemas.hpp"

namespace dossier::worker::artifacts {

// Counted are the <testcase> elements of <testsuites> or <testsuite>, at any depth; where there are none, the attributes of
// the outermost suites tell. corrupt: no XML. invalid_field: XML of another kind, or an attribute that is no number.
Result<TestCounts> read_junit(std::string_view content);

}  // namespace dossier::worker::artifacts
