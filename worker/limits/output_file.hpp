// Where an agent's output goes once there is more of it than the log takes: a file, hashed while it is written, that becomes
// a blob.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::worker::limits {

// One owner thread. The file is removed with the object.
class OutputFile {
 public:
  static constexpr std::uint64_t kMaxBytes = 1u << 30;  // of a blob; what comes then is counted and lost

  // `path`: beside the worktree, in no folder of the agent's, where it could have left a link of this name.
  explicit OutputFile(std::string path) : path_(std::move(path)) {}
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // "<stream>: <text>", a line, made with its first one. After an error (finish() tells it) everything is counted as lost.
  void line(std::string_view stream, std::string_view text);
  // Closes the file. io: it could not be written, and is not whole.
  Status finish();

  bool is_used() const { return used_; }
  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t lost() const { return lost_; }               // bytes
  const std::string& sha256_hex() const { return sha256_; }  // after finish()

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  bool used_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t lost_ = 0;
  crypto::Sha256 hash_;
  std::string sha256_;
  Status status_;
};

}  // namespace dossier::worker::limits
