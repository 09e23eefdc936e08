// What each file of evidence must hold. Fields that a schema does not name are kept and not looked at. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dossier::worker::artifacts {

inline constexpr std::size_t kMaxJsonBytes = 1u << 20;
inline constexpr std::size_t kMaxRunbookBytes = 1u << 20;
inline constexpr std::size_t kMaxReportBytes = 4u << 20;  // of tests

// The form of a file, by its name.
struct FileForm {
  std::string_view kind;  // as in EvidenceRecorded
  std::string_view media_type;
  std::size_t max_bytes = 0;
};
// nullopt: no evidence has this name.
std::optional<FileForm> form_of(std::string_view name);
inline constexpr std::string_view kKnownNames =
    "test-environment.json, review-evidence.json, branch-name.json, project-runbook.md, pull-request.json and *.xml (JUnit)";

struct TestCounts {
  std::uint32_t tests = 0;
  std::uint32_t failures = 0;
  std::uint32_t errors = 0;
  std::uint32_t skipped = 0;
  friend bool operator==(const TestCounts&, const TestCounts&) = default;
};

// A refusal: `code` is EvidenceRejected's, `field` what is wrong in the file, empty for the whole of it.
struct Fault {
  std::string code;
  std::string message;
};
struct Checked {
  std::optional<Fault> fault;
  std::optional<TestCounts> tests;  // of a JUnit report
};
Checked check_content(const FileForm& form, std::string_view content);

// As `git check-ref-format --branch` has it, at most 200 bytes.
bool is_branch_name(std::string_view name);

}  // namespace dossier::worker::artifacts
