// Which values a worker knows to be secret, before anybody tells it: those of its environment and of sign-in files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/process/process.hpp"

namespace dossier::worker {

// Of variables with a word in their names that ends in KEY, TOKEN, SECRET, PASSWORD, PASSWD or CREDENTIAL (absolute paths left
// out), and passwords within the URLs of any variable (proxies).
std::vector<std::string> secret_values(const process::Environment& environment);
// The same of this process's whole environment: an agent under the same account may look at it.
std::vector<std::string> secret_values_of_machine();
// Texts at any depth of a JSON file whose members are named like that (Codex' auth.json). Empty where it is no JSON.
std::vector<std::string> secret_values_of_json(std::string_view text);

// All of that, as of now: the worker's token, its environment, and the agents' sign-ins.
std::vector<std::string> known_secrets(const std::string& token);

}  // namespace dossier::worker
