// One function for each kind of file.
#include "worker/artifacts/schemas.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "platform/json/json.hpp"
#include "worker/artifacts/junit.hpp"

namespace dossier::worker::artifacts {
namespace {

using json::ObjectReader;
using json::Value;

constexpr std::size_t kMaxTitle = 256;
constexpr std::size_t kMaxWord = 256;
constexpr std::size_t kMaxText = 64 * 1024;
constexpr std::size_t kMaxItems = 200;
constexpr std::size_t kMaxBranch = 200;

void check_word(ObjectReader& object, std::string_view name, std::initializer_list<std::string_view> words) {
  const std::string word = object.required_string(name, kMaxWord);
  if (word.empty() || std::find(words.begin(), words.end(), word) != words.end()) return;
  std::string list;
  for (const auto known : words) (list += list.empty() ? "" : ", ") += known;
  object.fail(name, "must be one of " + list);
}

void check_url(ObjectReader& object, std::string_view name) {
  const auto url = object.optional_string(name, 2'048);
  if (url && url->compare(0, 7, "http://") != 0 && url->compare(0, 8, "https://") != 0) object.fail(name, "must be an http or https URL");
}

void check_branch(ObjectReader& object, std::string_view name, bool required) {
  const auto branch = required ? std::optional(object.required_string(name, kMaxBranch)) : object.optional_string(name, kMaxBranch);
  if (branch && !branch->empty() && !is_branch_name(*branch)) object.fail(name, "is no name that git takes for a branch");
}

// The reader's first error; fields that it did not ask for are fine.
Status problem(ObjectReader& object) {
  Status status = object.finish();
  if (!status && status.error().code == Code::unknown_field) return {};
  return status;
}

// Lists of objects, each by a function.
template <class Check>
Status check_list(ObjectReader& object, const std::string& name, Check check) {
  const Value* list = object.optional_value(name);
  if (list == nullptr) return {};
  const Value::Array* items = list->array();
  if (items == nullptr || items->size() > kMaxItems) {
    object.fail(name, "must be an array of at most " + std::to_string(kMaxItems) + " objects");
    return {};
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    ObjectReader item((*items)[i], name + "[" + std::to_string(i) + "]");
    check(item);
    TRY_STATUS(problem(item));
  }
  return {};
}

Status check_test_environment(const Value& value) {
  ObjectReader object(value);
  check_word(object, "status", {"ready", "partial", "failed"});
  object.optional_string("summary", kMaxText);
  object.optional_strings("commands", kMaxItems, kMaxText);
  check_url(object, "url");
  TRY_STATUS(check_list(object, "services", [](ObjectReader& service) {
    service.required_string("name", kMaxWord);
    check_url(service, "url");
  }));
  return problem(object);
}

Status check_review_evidence(const Value& value) {
  ObjectReader object(value);
  check_word(object, "verdict", {"ready", "changes_needed", "blocked"});
  object.required_string("summary", kMaxText);
  TRY_STATUS(check_list(object, "checks", [](ObjectReader& check) {
    check.required_string("name", kMaxTitle);
    check_word(check, "status", {"passed", "failed", "skipped"});
    check.optional_string("detail", kMaxText);
  }));
  object.optional_strings("risks", kMaxItems, kMaxText);
  object.optional_strings("files", kMaxItems, 4'096);
  return problem(object);
}

Status check_branch_name(const Value& value) {
  ObjectReader object(value);
  check_branch(object, "branch", true);
  object.optional_string("reason", kMaxText);
  return problem(object);
}

Status check_pull_request(const Value& value) {
  ObjectReader object(value);
  object.required_string("title", kMaxTitle);
  object.optional_string("body", kMaxText);
  check_branch(object, "base", false);
  object.optional_bool("draft");
  object.optional_strings("labels", 20, kMaxWord);
  object.optional_strings("reviewers", 20, kMaxWord);
  return problem(object);
}

Fault fault_of(const Error& error) {
  if (error.field.empty()) return {std::string(to_string(error.code)), error.message};
  return {std::string(to_string(error.code)), error.field + " " + error.message};
}

Checked check_json(std::string_view content, Status (*check)(const Value&)) {
  const auto value = json::parse(content);
  if (!value) return {Fault{"not_json", value.error().message}, std::nullopt};
  if (value->object() == nullptr) return {Fault{"invalid_field", "the file must be one JSON object"}, std::nullopt};
  const Status status = check(*value);
  if (!status) return {fault_of(status.error()), std::nullopt};
  return {};
}

Checked check_runbook(std::string_view content) {
  if (!is_utf8(content) || content.find('\0') != std::string_view::npos)
    return {Fault{"not_text", "the file must be UTF-8 text without NUL"}, std::nullopt};
  if (content.find_first_not_of(" \t\r\n") == std::string_view::npos) return {Fault{"empty", "the file is empty"}, std::nullopt};
  return {};
}

Checked check_junit(std::string_view content) {
  const auto counts = read_junit(content);
  if (!counts) return {Fault{counts.error().code == Code::corrupt ? "not_xml" : "not_junit", counts.error().message}, std::nullopt};
  return {std::nullopt, *counts};
}

struct Form {
  std::string_view name;
  FileForm form;
  Status (*check)(const Value&);
};
constexpr Form kForms[] = {
    {"test-environment.json", {"test_environment", "application/json", kMaxJsonBytes}, check_test_environment},
    {"review-evidence.json", {"review_evidence", "application/json", kMaxJsonBytes}, check_review_evidence},
    {"branch-name.json", {"branch_name", "application/json", kMaxJsonBytes}, check_branch_name},
    {"pull-request.json", {"pull_request", "application/json", kMaxJsonBytes}, check_pull_request},
    {"project-runbook.md", {"runbook", "text/markdown", kMaxRunbookBytes}, nullptr},
};
constexpr std::string_view kReportSuffix = ".xml";
constexpr FileForm kReport{"junit", "application/xml", kMaxReportBytes};

}  // namespace

std::optional<FileForm> form_of(std::string_view name) {
  for (const Form& form : kForms)
    if (form.name == name) return form.form;
  if (name.size() > kReportSuffix.size() && name.substr(name.size() - kReportSuffix.size()) == kReportSuffix) return kReport;
  return std::nullopt;
}

Checked check_content(const FileForm& form, std::string_view content) {
  if (form.kind == kReport.kind) return check_junit(content);
  for (const Form& known : kForms)
    if (known.form.kind == form.kind && known.check != nullptr) return check_json(content, known.check);
  return check_runbook(content);
}

bool is_branch_name(std::string_view name) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.empty() || name.size() > kMaxBranch || name.front() == '-' || name.front() == '/' || name.back() == '/' || name.back() == '.')
    return false;
  if (name == "@" || name == "HEAD" || has("..") || has("//") || has("@{") || has("/.") || name.front() == '.') return false;
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) {
        return c <= 0x20 || c == 0x7f || std::string_view("~^:?*[\\").find(static_cast<char>(c)) != std::string_view::npos;
      }))
    return false;
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    constexpr std::string_view kLock = ".lock";
    if (part.size() >= kLock.size() && part.substr(part.size() - kLock.size()) == kLock) return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

}  // namespace dossier::worker::artifacts
