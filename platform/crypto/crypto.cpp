// The one place that knows libsodium.
#include "platform/crypto/crypto.hpp"

#include <sodium.h>

#include <cstring>

#include "base/check.hpp"
#include "base/encoding.hpp"

namespace dossier::crypto {
namespace {

const bool kReady = [] {
  CHECK(sodium_init() >= 0);
  return true;
}();

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string uuid_hex(std::string bytes16, unsigned version) {
  bytes16[6] = static_cast<char>((static_cast<unsigned char>(bytes16[6]) & 0x0f) | version << 4);
  bytes16[8] = static_cast<char>((static_cast<unsigned char>(bytes16[8]) & 0x3f) | 0x80);
  return to_hex(bytes16);
}

}  // namespace

Hash hash_from(std::string_view bytes) {
  Hash hash;
  CHECK(bytes.size() == hash.size());
  std::memcpy(hash.data(), bytes.data(), hash.size());
  return hash;
}

Hash hmac_sha256(std::string_view key, std::string_view bytes) {
  Hash hash;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.size());
  crypto_auth_hmacsha256_final(&state, hash.data());
  return hash;
}

KeyPair make_key_pair() { return key_pair_from_seed(random_bytes(crypto_sign_SEEDBYTES)); }

KeyPair key_pair_from_seed(std::string_view seed32) {
  CHECK(seed32.size() == crypto_sign_SEEDBYTES);
  KeyPair pair{std::string(crypto_sign_PUBLICKEYBYTES, '\0'), std::string(crypto_sign_SECRETKEYBYTES, '\0')};
  crypto_sign_seed_keypair(bytes_of(pair.public_key), bytes_of(pair.secret_key), bytes_of(seed32));
  return pair;
}

std::string sign(std::string_view secret_key, std::string_view message) {
  CHECK(secret_key.size() == crypto_sign_SECRETKEYBYTES);
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(bytes_of(signature), nullptr, bytes_of(message), message.size(), bytes_of(secret_key));
  return signature;
}

bool verify(std::string_view public_key, std::string_view message, std::string_view signature) noexcept {
  if (public_key.size() != crypto_sign_PUBLICKEYBYTES || signature.size() != crypto_sign_BYTES) return false;
  return crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.size(), bytes_of(public_key)) == 0;
}

std::string hash_password(std::string_view password) {
  std::string phc(crypto_pwhash_STRBYTES, '\0');
  CHECK(crypto_pwhash_str_alg(phc.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                              crypto_pwhash_ALG_ARGON2ID13) == 0);
  phc.resize(std::strlen(phc.c_str()));
  return phc;
}

bool verify_password(std::string_view phc, std::string_view password) noexcept {
  return crypto_pwhash_str_verify(std::string(phc).c_str(), password.data(), password.size()) == 0;
}

std::string seal(std::string_view key, std::string_view bytes, std::string_view bound) {
  CHECK(key.size() == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  std::string sealed = random_bytes(kNonce);
  sealed.resize(kNonce + bytes.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES);
  unsigned long long size = 0;
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(sealed) + kNonce, &size, bytes_of(bytes), bytes.size(), bytes_of(bound), bound.size(),
                                                   nullptr, bytes_of(sealed), bytes_of(key)) == 0);
  CHECK(kNonce + size == sealed.size());
  return sealed;
}

std::optional<std::string> unseal(std::string_view key, std::string_view sealed, std::string_view bound) {
  CHECK(key.size() == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
  if (sealed.size() < kNonce + kTag) return std::nullopt;
  std::string bytes(sealed.size() - kNonce - kTag, '\0');
  const std::string_view text = sealed.substr(kNonce);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(bytes), nullptr, nullptr, bytes_of(text), text.size(), bytes_of(bound), bound.size(),
                                                 bytes_of(sealed), bytes_of(key)) != 0)
    return std::nullopt;
  return bytes;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  randombytes_buf(bytes.data(), count);
  return bytes;
}

std::string random_uuid_hex() { return uuid_hex(random_bytes(16), 4); }
std::string uuid8_hex(const Hash& hash) { return uuid_hex(std::string(view(hash).substr(0, 16)), 8); }

bool equal(std::string_view a, std::string_view b) noexcept { return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0; }

}  // namespace dossier::crypto
