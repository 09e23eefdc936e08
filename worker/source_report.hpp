// The evidence of a run's work: SourceCaptured with the diff inline where it is small text, else as a blob.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "platform/crypto/crypto.hpp"
#include "platform/git/git.hpp"

namespace dossier::worker {

// Takes a diff piece by piece: hashed, and kept in memory while it is small, in a file beyond that.
class DiffCollector {
 public:
  static constexpr std::size_t kMaxInline = 64 * 1024;
  static constexpr std::uint64_t kMaxBytes = 1ull << 30;  // of a blob

  explicit DiffCollector(std::string file) : file_path_(std::move(file)) {}
  // False: too large, or the file can't be written; status() says which.
  bool add(std::string_view piece);
  // Closes the file. payload_too_large, io.
  Status finish();

  std::uint64_t size() const { return size_; }
  // Small, and text that an event may hold.
  bool is_inline() const;
  const std::string& text() const { return text_; }          // all of it where it is small
  const std::string& file() const { return file_path_; }     // all of it where is_inline() is false
  const std::string& sha256_hex() const { return sha256_; }  // after finish()

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  bool spill();

  std::string file_path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string text_;
  std::uint64_t size_ = 0;
  crypto::Sha256 hash_;
  std::string sha256_;
  Status status_;
};

// The changed files that fit into a report, and the number of those that don't.
void set_files(v1::SourceCaptured& source, const std::vector<git::ChangedFile>& files);
inline constexpr std::size_t kMaxFilesBytes = 300 * 1024;
inline constexpr std::size_t kMaxPathBytes = 4'096;

}  // namespace dossier::worker
