// SHA-256 by OpenSSL, which uses the processor's instructions for it; libsodium's is portable C, several times slower.
#include <openssl/evp.h>

#include "base/check.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::crypto {
namespace {

// Looked up once: by name it costs more than hashing a short text.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(found != nullptr);
  return found;
}

}  // namespace

class DigestContext {
 public:
  DigestContext() : context_(EVP_MD_CTX_new()) { CHECK(context_ != nullptr); }
  ~DigestContext() { EVP_MD_CTX_free(context_); }
  DigestContext(const DigestContext&) = delete;
  DigestContext& operator=(const DigestContext&) = delete;

  void begin() { CHECK(EVP_DigestInit_ex2(context_, algorithm(), nullptr) == 1); }
  void update(std::string_view bytes) { CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1); }
  Hash finish() {
    Hash hash;
    CHECK(EVP_DigestFinal_ex(context_, hash.data(), nullptr) == 1);
    return hash;
  }

 private:
  EVP_MD_CTX* const context_;
};

Hash sha256(std::string_view bytes) {
  thread_local DigestContext context;
  context.begin();
  context.update(bytes);
  return context.finish();
}

struct Sha256::State {
  DigestContext context;
};
Sha256::Sha256() : state_(std::make_unique<State>()) { state_->context.begin(); }
Sha256::~Sha256() = default;
void Sha256::update(std::string_view bytes) { state_->context.update(bytes); }
Hash Sha256::finish() { return state_->context.finish(); }

}  // namespace dossier::crypto
