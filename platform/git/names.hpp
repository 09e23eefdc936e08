// Names of branches, judged as git judges them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dossier::git {

// As `git check-ref-format --branch` says, outside of any repository (so "@{-1}" is no name).
bool branch_name_is_valid(std::string_view name);

// Two names of which one repository, or a file system that does not tell "A" from "a", can't have both: equal but for the case of
// ASCII letters, or one a folder of the other ("a" and "a/b").
bool branch_names_collide(std::string_view one, std::string_view two);

}  // namespace dossier::git
