// Collecting a diff and a list of files within bounds.
#include "worker/source_report.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/encoding.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

// Bytes of as many characters as are shown.
std::size_t shown_prefix(std::string_view text) {
  std::size_t characters = 0, at = 0;
  for (; at < text.size(); ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && ++characters > DiffCollector::kMaxShown) break;
  return at;
}

}  // namespace

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
  if (file_ == nullptr && size_ > kMaxHeld && !spill()) return false;
  text_ += piece.substr(0, kMaxHeld - std::min(kMaxHeld, text_.size()));
  if (file_ == nullptr) return true;
  if (std::fwrite(piece.data(), 1, piece.size(), file_.get()) != piece.size()) {
    status_ = make_error(Code::io, "can't write " + file_path_ + ": " + std::strerror(errno));
    return false;
  }
  return true;
}

bool DiffCollector::is_inline() const {
  return size_ == text_.size() && is_utf8(text_) && text_.find('\0') == std::string::npos && shown_prefix(text_) == text_.size();
}

std::string DiffCollector::shown() const {
  if (is_inline()) return text_;
  std::string text = clean_text(text_);
  const std::size_t room = shown_prefix(text);
  // The last line in memory may have been cut.
  const std::size_t line = text.rfind('\n', room == 0 ? 0 : room - 1);
  text.resize(line == std::string::npos ? room : line + 1);
  return text;
}

Status DiffCollector::finish() {
  TRY_STATUS(status_);
  sha256_ = to_hex(crypto::view(hash_.finish()));
  if (file_ == nullptr && !is_inline() && !spill()) return status_;
  if (file_ != nullptr && std::fclose(file_.release()) != 0) return make_error(Code::io, "can't write " + file_path_ + ": " + std::strerror(errno));
  return {};
}

void set_captured(v1::SourceCaptured& source, const Captured& captured, const DiffCollector& diff) {
  source.set_base_commit(captured.base_commit);
  source.set_commit(captured.commit);
  source.set_branch(captured.branch);
  source.set_tree(captured.tree);
  source.set_merge_base(captured.merge_base);
  source.set_ahead(static_cast<std::uint32_t>(captured.ahead));
  source.set_behind(static_cast<std::uint32_t>(captured.behind));
  source.set_generation(captured.generation);
  set_files(source, captured.files);
  if (diff.size() > 0) source.mutable_diff()->set_plain(diff.shown());
  if (diff.is_inline()) return;
  source.mutable_diff_blob()->set_sha256(diff.sha256_hex());
  source.mutable_diff_blob()->set_size(diff.size());
  source.mutable_diff_blob()->set_media_type("text/x-diff");
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
