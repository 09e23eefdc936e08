// Hashes, signatures, passwords and random bytes: SHA-256 by OpenSSL (sha256.cpp), all else by libsodium (crypto.cpp). Their
// headers appear nowhere else.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dossier::crypto {

using Hash = std::array<unsigned char, 32>;  // SHA-256
inline constexpr Hash kZeroHash{};

inline std::string_view view(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }
// Aborts unless bytes.size() == 32.
Hash hash_from(std::string_view bytes);

Hash sha256(std::string_view bytes);
// Incremental SHA-256, for what does not fit in memory.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  Hash finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};
Hash hmac_sha256(std::string_view key, std::string_view bytes);

// Ed25519. A secret key is 64 bytes (seed and public half), a public key 32, a signature 64.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};
KeyPair make_key_pair();
KeyPair key_pair_from_seed(std::string_view seed32);
std::string sign(std::string_view secret_key, std::string_view message);
bool verify(std::string_view public_key, std::string_view message, std::string_view signature) noexcept;

// argon2id in PHC string form; slow on purpose (about 0.1 s and 64 MiB a call).
std::string hash_password(std::string_view password);
bool verify_password(std::string_view phc, std::string_view password) noexcept;

// XChaCha20-Poly1305 with a key of 32 bytes: a random nonce of 24 bytes, then the bytes encrypted and their tag of 16. What goes
// with them unencrypted (`bound`) must be the same when they are opened: it binds them to their place.
std::string seal(std::string_view key, std::string_view bytes, std::string_view bound);
// nullopt: sealed with another key, for another place, or damaged.
std::optional<std::string> unseal(std::string_view key, std::string_view sealed, std::string_view bound);

// From the system's generator.
std::string random_bytes(std::size_t count);
// UUID in 32 hex digits: version 4, or version 8 (RFC 9562) from the first 16 bytes of a hash.
std::string random_uuid_hex();
std::string uuid8_hex(const Hash& hash);
// Constant time; false for different lengths.
bool equal(std::string_view a, std::string_view b) noexcept;

}  // namespace dossier::crypto
