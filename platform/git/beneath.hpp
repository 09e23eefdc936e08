// Files below a folder, reached without following a link on any step: whoever owns what lies there (an agent) can swap a
// folder for a link at any moment, and must not lead us out by it. Every path is relative, without "." and "..".
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dossier::git {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Thread-safe: it holds nothing but the folder's descriptor, so it means that folder for as long as it lives, whatever is
// renamed. Errors: not_found (there is none), forbidden (a link, or no plain name, on the way; no right to read), io.
class Folder {
 public:
  // `path` itself may be reached by links: it is ours.
  static Result<Folder> open(const std::string& path);

  Result<Folder> below(std::string_view relative) const;
  // Of the thing itself, also where it is a link.
  Result<struct stat> status(std::string_view relative) const;
  // A regular file, for reading; anything else (also a pipe, which would block) is forbidden.
  Result<Descriptor> open_file(std::string_view relative) const;
  Result<std::string> read_link(std::string_view relative) const;
  // The whole of a small regular file. payload_too_large: it has more than `max_bytes`.
  Result<std::string> read_file(std::string_view relative, std::size_t max_bytes) const;
  // With everything below it; links are removed and not followed. What is not there counts as removed.
  Status remove_all(std::string_view relative) const;

 private:
  explicit Folder(Descriptor folder) : folder_(std::move(folder)) {}
  // The folder that holds `relative`, and its last step.
  Result<Descriptor> parent_of(std::string_view relative, std::string& name) const;

  Descriptor folder_;
};

}  // namespace dossier::git
