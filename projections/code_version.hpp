// The version of all code whose output a generation of read models holds. Another version is another generation.
#pragma once

#include <string>
#include <string_view>

namespace dossier::projections {

// Of the ledger's rules, the states' codec, every read model and the tables of a generation; 32 hex digits.
const std::string& code_digest();

// A generation's name is its code's digest, with "#<n>" behind it for one that was rebuilt by the same code.
bool is_of_code(std::string_view generation_digest, std::string_view code);

}  // namespace dossier::projections
