// Collecting a diff and a list of files within bounds.
#include "worker/source_report.hpp"

#include <cerrno>
#include <cstring>

#include "base/encoding.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {

bool DiffCollector::spill() {
  file_.reset(std::fopen(file_path_.c_str(), "wbe"));
  if (file_ == nullptr || std::fwrite(text_.data(), 1, text_.size(), file_.get()) != text_.size()) {
    status_ = make_error(Code::io, "can't write " + file_path_ + ": " + std::strerror(errno));
    return false;
  }
  return true;
}

bool DiffCollector::add(std::string_view piece) {
  if (size_ + piece.size() > kMaxBytes) {
    status_ = make_error(Code::payload_too_large, "the diff is larger than 1 GiB");
    return false;
  }
  hash_.update(piece);
  size_ += piece.size();
  if (file_ == nullptr && size_ <= kMaxInline) {
    text_ += piece;
    return true;
  }
  if (file_ == nullptr && !spill()) return false;
  text_.clear();
  if (std::fwrite(piece.data(), 1, piece.size(), file_.get()) != piece.size()) {
    status_ = make_error(Code::io, "can't write " + file_path_ + ": " + std::strerror(errno));
    return false;
  }
  return true;
}

bool DiffCollector::is_inline() const { return size_ <= kMaxInline && is_utf8(text_) && text_.find('\0') == std::string::npos; }

Status DiffCollector::finish() {
  TRY_STATUS(status_);
  sha256_ = to_hex(crypto::view(hash_.finish()));
  if (file_ == nullptr && !is_inline() && !spill()) return status_;
  if (file_ != nullptr && std::fclose(file_.release()) != 0) return make_error(Code::io, "can't write " + file_path_ + ": " + std::strerror(errno));
  return {};
}

void set_files(v1::SourceCaptured& source, const std::vector<git::ChangedFile>& files) {
  std::size_t bytes = 0;
  for (const git::ChangedFile& file : files) {
    bytes += file.path.size() + file.old_path.size() + 32;
    if (bytes > kMaxFilesBytes) {
      source.set_files_omitted(source.files_omitted() + 1);
      continue;
    }
    v1::ChangedFile* changed = source.add_files();
    changed->set_path(clean_text(file.path, kMaxPathBytes));
    changed->set_change(file.change);
    if (!file.old_path.empty()) changed->set_old_path(clean_text(file.old_path, kMaxPathBytes));
    changed->set_insertions(file.insertions);
    changed->set_deletions(file.deletions);
    changed->set_binary(file.binary);
  }
}

}  // namespace dossier::worker
