// A real repository in a folder of its own, made by the git program, for tests.
#pragma once

#include <string>

#include "platform/git/git.hpp"

namespace dossier::test {

void write_file(const std::string& path, const std::string& content);
std::string read_file(const std::string& path);

// Branch "main" with one commit: README.md ("hello\n") and src/main.txt (ten numbered lines).
class GitRepository {
 public:
  explicit GitRepository(std::string path);
  const std::string& path() const { return path_; }
  // Runs git in it; its output without the last newline. Aborts when git fails.
  std::string git(const std::string& arguments) const;
  std::string commit_all(const std::string& message) const;  // the commit's id

 private:
  std::string path_;
};
inline const git::ShouldStop kGoOn = [] { return false; };
inline const git::Person kAgent{"codex", "codex@agents.invalid", 1'800'000'000'000'000};  // whose commits a capture makes
std::string run_git(const std::string& folder, const std::string& arguments);

}  // namespace dossier::test
