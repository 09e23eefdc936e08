// Where a client keeps the server's URL and its token: a JSON file {"url","token","workspace",…} for its owner alone.
#pragma once

#include <map>
#include <string>

#include "app/cli/command_line.hpp"
#include "base/result.hpp"

namespace dossier::cli {

struct Profile {
  std::string file;  // empty: there is none
  std::map<std::string, std::string, std::less<>> values;
};

// The first that exists of: `flag`, DOSSIER_PROFILE, <folder of the program>/../profile.json, ~/.config/dossier/profile.json.
// One that was named and is not there is empty: sign-in makes it. usage: it can't be read, is no JSON object of strings, or
// has a member of another name.
Result<Profile> load_profile(const std::string& flag, const Environment& environment, const std::string& program_folder);
// Where sign-in keeps what it got: the named file, the present one, or ~/.config/dossier/profile.json.
Result<std::string> profile_to_write(const std::string& flag, const Environment& environment, const std::string& present);
// Replaces the file in one step, 0600, its folder made where needed. Members that `values` does not name stay.
Status save_profile(const std::string& file, const std::map<std::string, std::string, std::less<>>& values);

// The folder of the running program; empty if it can't be told.
std::string program_folder();

}  // namespace dossier::cli
