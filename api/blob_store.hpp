// Content-addressed files of a workspace: <folder>/<workspace>/<first two digits>/<sha256>. A file appears under its name
// only whole, verified and on disk; it is verified again whenever it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/http/message.hpp"
#include "base/result.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::api {

inline constexpr std::uint64_t kMaxBlobBytes = std::uint64_t{1} << 30;

// 64 lower-case hex digits.
bool is_blob_name(std::string_view sha256) noexcept;

// Bytes on their way in: a temporary file beside its place, hashed while it is written. One thread at a time.
class BlobWriter {
 public:
  // io: the folder can't be written.
  static Result<std::unique_ptr<BlobWriter>> open(const std::string& folder, const std::string& workspace, const std::string& sha256);
  ~BlobWriter();  // without a commit the temporary file goes
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  Status write(std::string_view bytes);
  // invalid_field: the bytes have another hash. After success the file is durable under its name. Writing what is there
  // already changes nothing.
  Status commit();
  std::uint64_t size() const { return size_; }

 private:
  BlobWriter() = default;
  int file_ = -1;
  std::string temporary_;
  std::string final_;
  std::string expected_;
  crypto::Sha256 hash_;
  std::uint64_t size_ = 0;
};

// Reads a blob and verifies it on the way: the last bytes come only if the whole has the right hash. corrupt: it has not.
// not_found.
Result<std::shared_ptr<http::BodySource>> open_blob(const std::string& folder, const std::string& workspace, const std::string& sha256);

}  // namespace dossier::api
