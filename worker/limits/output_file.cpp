// A file of lines.
#include "worker/limits/output_file.hpp"

#include <errno.h>

#include <cstring>

#include "base/encoding.hpp"

namespace dossier::worker::limits {

OutputFile::~OutputFile() {
  file_.reset();
  if (used_) std::remove(path_.c_str());
}

void OutputFile::line(std::string_view stream, std::string_view text) {
  if (!used_) {
    used_ = true;
    file_.reset(std::fopen(path_.c_str(), "wbe"));
    if (file_ == nullptr) status_ = make_error(Code::io, "can't write " + path_ + ": " + std::strerror(errno));
  }
  std::string line;
  line.reserve(stream.size() + text.size() + 3);
  (((line += stream) += ": ") += text) += '\n';
  if (!status_ || file_ == nullptr || size_ + line.size() > kMaxBytes) {
    lost_ += line.size();
    return;
  }
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) {
    status_ = make_error(Code::io, "can't write " + path_ + ": " + std::strerror(errno));
    lost_ += line.size();
    return;
  }
  hash_.update(line);
  size_ += line.size();
}

Status OutputFile::finish() {
  if (file_ != nullptr && std::fclose(file_.release()) != 0 && status_)
    status_ = make_error(Code::io, "can't write " + path_ + ": " + std::strerror(errno));
  TRY_STATUS(status_);
  if (sha256_.empty()) sha256_ = to_hex(crypto::view(hash_.finish()));
  return {};
}

}  // namespace dossier::worker::limits
