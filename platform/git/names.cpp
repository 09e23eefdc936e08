// libgit2's judgement of branch names, and where git's own is stricter.
#include "platform/git/names.hpp"

#include <algorithm>

#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_but_case(std::string_view one, std::string_view two) {
  return std::equal(one.begin(), one.end(), two.begin(), two.end(), [](char a, char b) { return lower(a) == lower(b); });
}

bool is_folder_of(std::string_view folder, std::string_view name) {
  return name.size() > folder.size() && name[folder.size()] == '/' && equal_but_case(folder, name.substr(0, folder.size()));
}

}  // namespace

bool branch_name_is_valid(std::string_view name) {
  start_library();
  // libgit2 1.5 forgives empty steps and control characters.
  const auto forbidden = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (name.empty() || name.front() == '/' || name.back() == '/' || name.find("//") != std::string_view::npos ||
      std::any_of(name.begin(), name.end(), forbidden))
    return false;
  int valid = 0;
  return git_branch_name_is_valid(&valid, std::string(name).c_str()) == 0 && valid != 0;
}

bool branch_names_collide(std::string_view one, std::string_view two) {
  return equal_but_case(one, two) || is_folder_of(one, two) || is_folder_of(two, one);
}

}  // namespace dossier::git
