// The evidence of a turn's work: SourceCaptured with the diff inline as far as it is shown, and whole as a blob where that is not all of it.
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
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {

// Takes a diff piece by piece: hashed, its beginning kept in memory, and the whole in a file where the beginning is not all.
class DiffCollector {
 public:
  static constexpr std::size_t kMaxShown = 20'000;        // characters (code points)
  static constexpr std::size_t kMaxHeld = 4 * kMaxShown;  // bytes that so many characters may have
  static constexpr std::uint64_t kMaxBytes = 1ull << 30;  // of a blob

  explicit DiffCollector(std::string file) : file_path_(std::move(file)) {}
  // False: too large, or the file can't be written; status() says which.
  bool add(std::string_view piece);
  // Closes the file. payload_too_large, io.
  Status finish();

  std::uint64_t size() const { return size_; }
  // All of it is shown: at most kMaxShown characters of text that an event may hold.
  bool is_inline() const;
  const std::string& text() const { return text_; }       // all of it where is_inline() is true
  const std::string& file() const { return file_path_; }  // all of it where is_inline() is false
  // What an event shows: all of it, or as many whole lines as have room; bytes that are no text are replaced. After finish().
  std::string shown() const;
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

// All that was captured: branch, commits, tree, distances, files, and the diff (with its blob, which must be there already, where
// it is not shown whole). Who, when and which turn are the caller's.
void set_captured(v1::SourceCaptured& source, const Captured& captured, const DiffCollector& diff);
// The changed files that fit into a report, and the number of those that don't.
void set_files(v1::SourceCaptured& source, const std::vector<git::ChangedFile>& files);
inline constexpr std::size_t kMaxFilesBytes = 300 * 1024;
inline constexpr std::size_t kMaxPathBytes = 4'096;

}  // namespace dossier::worker
