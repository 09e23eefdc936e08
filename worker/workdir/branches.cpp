// Choosing a branch's name.
#include "worker/workdir/branches.hpp"

#include <algorithm>
#include <cctype>

#include "platform/git/names.hpp"
#include "platform/json/json.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kMaxSlug = 40;

std::string flat(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

bool in_the_way(const std::string& wanted, const std::string& taken) {
  return git::branch_names_collide(wanted, taken) || git::branch_names_collide(flat(wanted), flat(taken));
}

}  // namespace

std::string branch_slug(std::string_view title) {
  std::string slug;
  for (const unsigned char c : title) {
    if (slug.size() == kMaxSlug) break;
    if (c < 0x80 && std::isalnum(c) != 0)
      slug += static_cast<char>(std::tolower(c));
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug.empty() ? "issue" : slug;
}

std::string default_branch_name(std::uint64_t issue_number, std::string_view issue_title) {
  return "dossier/" + std::to_string(issue_number) + "-" + branch_slug(issue_title);
}

Result<std::string> parse_branch_proposal(std::string_view text) {
  TRY(const json::Value proposal, json::parse(text));
  json::ObjectReader reader(proposal);
  std::string branch = reader.required_string("branch", kMaxBranchBytes);
  TRY_STATUS(reader.finish());
  if (!git::branch_name_is_valid(branch))
    return make_error(Code::invalid_field, "\"" + branch + "\" is no branch name for git; see git check-ref-format", "branch");
  return branch;
}

Result<std::string> choose_branch(const std::string& wanted, const std::vector<std::string>& taken, std::string_view session) {
  if (wanted.size() > kMaxBranchBytes)
    return make_error(Code::invalid_field, "a branch's name may have " + std::to_string(kMaxBranchBytes) + " bytes", "branch");
  if (!git::branch_name_is_valid(wanted))
    return make_error(Code::invalid_field, "\"" + wanted + "\" is no branch name for git; see git check-ref-format", "branch");
  for (const std::string& name : taken)
    if (wanted.size() > name.size() && wanted[name.size()] == '/' && git::branch_names_collide(wanted, name))
      // NOLINTNEXTLINE(performance-inefficient-string-concatenation): an error, once
      return make_error(Code::already_exists, "the branch \"" + name + "\" is in the way of \"" + wanted + "\"; propose a name outside of it",
                        "branch");
  for (int n = 0; n < kMaxBranchTries; ++n) {
    std::string name = wanted;
    if (n == 1 && session.empty()) continue;
    if (n == 1) name += "-" + std::string(session);
    if (n >= 2) name += "-" + std::to_string(n);
    if (std::none_of(taken.begin(), taken.end(), [&](const std::string& other) { return in_the_way(name, other); })) return name;
  }
  return make_error(Code::already_exists, "there are too many branches named like \"" + wanted + "\"; remove old ones", "branch");
}

}  // namespace dossier::worker
