// Signs what the worker says with the key that it registered.
#include "worker/identity.hpp"

#include "platform/crypto/crypto.hpp"

namespace dossier::worker {

std::string sign_body(const Identity& identity, std::string_view domain, std::string_view body) {
  std::string message(domain);
  message += '\0';
  message += body;
  return crypto::sign(identity.secret_key, message);
}

}  // namespace dossier::worker
