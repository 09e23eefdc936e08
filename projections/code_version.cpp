// What the digest covers.
#include "projections/code_version.hpp"

#include "base/encoding.hpp"
#include "events/fold.hpp"
#include "events/limits.hpp"
#include "platform/crypto/crypto.hpp"
#include "projections/projection.hpp"
#include "schemas/sql/sql_files.hpp"

namespace dossier::projections {

const std::string& code_digest() {
  static const std::string digest = [] {
    std::string text = "ledger " + std::to_string(events::kLedgerVersion) + "\nstates " + std::to_string(events::kStateCodec) + '\n';
    for (const Projection& model : registry()) text += std::string(model.name) + ' ' + std::to_string(model.version) + '\n';
    for (const sql::File& file : sql::files())
      if (file.name.starts_with("generation/")) text += std::string(file.name) + '\n' + std::string(file.text);
    return to_hex(crypto::view(crypto::sha256(text))).substr(0, 32);
  }();
  return digest;
}

bool is_of_code(std::string_view generation_digest, std::string_view code) {
  return generation_digest.substr(0, generation_digest.find('#')) == code;
}

}  // namespace dossier::projections
