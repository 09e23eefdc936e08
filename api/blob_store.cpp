// Files, by plain system calls: what matters is when they are on disk.
#include "api/blob_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/encoding.hpp"
#include "base/log.hpp"

namespace dossier::api {
namespace {

std::string folder_of(const std::string& folder, const std::string& workspace, const std::string& sha256) {
  return folder + "/" + workspace + "/" + sha256.substr(0, 2);
}

Error failed(const std::string& what, const std::string& path) { return make_error(Code::io, what + " " + path + ": " + std::strerror(errno)); }

// A name is durable once its folder is.
Status sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return failed("can't open", path);
  const int synced = ::fsync(folder);
  ::close(folder);
  if (synced != 0) return failed("can't sync", path);
  return {};
}

// Holds the last chunk back until the hash of all of them is known to be right.
class BlobReader final : public http::BodySource {
 public:
  BlobReader(int file, std::uint64_t size, std::string expected) : file_(file), size_(size), expected_(std::move(expected)) {}
  ~BlobReader() override { ::close(file_); }
  std::uint64_t size() const override { return size_; }
  Result<std::string> read(std::size_t max_bytes) override {
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, size_ - sent_)), '\0');
    std::size_t filled = 0;
    while (filled < bytes.size()) {
      const ssize_t got = ::read(file_, bytes.data() + filled, bytes.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return make_error(Code::corrupt, "the blob " + expected_ + " ends too early");
      filled += static_cast<std::size_t>(got);
    }
    hash_.update(bytes);
    sent_ += bytes.size();
    if (sent_ == size_ && !is_checked_) {
      is_checked_ = true;
      if (to_hex(crypto::view(hash_.finish())) != expected_) {
        log::error("api", "the blob " + expected_ + " does not verify");
        return make_error(Code::corrupt, "the blob " + expected_ + " does not verify");
      }
    }
    return bytes;
  }

 private:
  int file_;
  std::uint64_t size_;
  std::string expected_;
  std::uint64_t sent_ = 0;
  bool is_checked_ = false;
  crypto::Sha256 hash_;
};

}  // namespace

bool is_blob_name(std::string_view sha256) noexcept {
  return sha256.size() == 64 && std::all_of(sha256.begin(), sha256.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<std::unique_ptr<BlobWriter>> BlobWriter::open(const std::string& folder, const std::string& workspace, const std::string& sha256) {
  CHECK(is_blob_name(sha256));
  const std::string place = folder_of(folder, workspace, sha256);
  std::error_code error;
  std::filesystem::create_directories(place, error);
  if (error) return make_error(Code::io, "can't make the folder " + place + ": " + error.message());
  std::unique_ptr<BlobWriter> writer(new BlobWriter);
  writer->expected_ = sha256;
  writer->final_ = place + "/" + sha256;
  writer->temporary_ = writer->final_ + ".part-" + crypto::random_uuid_hex();
  writer->file_ = ::open(writer->temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (writer->file_ < 0) return failed("can't make", writer->temporary_);
  return writer;
}

BlobWriter::~BlobWriter() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status BlobWriter::write(std::string_view bytes) {
  hash_.update(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("can't write", temporary_);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status BlobWriter::commit() {
  if (to_hex(crypto::view(hash_.finish())) != expected_)
    return make_error(Code::invalid_field, "the bytes have another SHA-256 than the name says", "sha256");
  if (::fsync(file_) != 0) return failed("can't sync", temporary_);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) return failed("can't rename", temporary_);
  temporary_.clear();
  const std::string place = final_.substr(0, final_.rfind('/'));
  TRY_STATUS(sync_folder(place));
  return sync_folder(place.substr(0, place.rfind('/')));
}

Result<std::shared_ptr<http::BodySource>> open_blob(const std::string& folder, const std::string& workspace, const std::string& sha256) {
  CHECK(is_blob_name(sha256));
  const std::string path = folder_of(folder, workspace, sha256) + "/" + sha256;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return make_error(Code::not_found, "there is no such blob in this workspace");
  if (file < 0) return failed("can't open", path);
  struct stat status{};
  if (::fstat(file, &status) != 0) {
    ::close(file);
    return failed("can't look at", path);
  }
  return std::shared_ptr<http::BodySource>(std::make_shared<BlobReader>(file, static_cast<std::uint64_t>(status.st_size), sha256));
}

}  // namespace dossier::api
