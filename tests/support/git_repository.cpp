// Repositories and files for tests.
#include "tests/support/git_repository.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.hpp"

namespace dossier::test {

void write_file(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::string run_git(const std::string& folder, const std::string& arguments) {
  // No configuration of this machine: the same on every one.
  const std::string command = "cd '" + folder +
                              "' && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git -c user.name=Test -c "
                              "user.email=test@example.invalid -c commit.gpgsign=false -c safe.directory='*' " +
                              arguments;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  CHECK(pipe != nullptr);
  std::string output;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
  CHECK(::pclose(pipe) == 0);
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

GitRepository::GitRepository(std::string path) : path_(std::move(path)) {
  std::filesystem::create_directories(path_);
  git("init -q -b main");
  write_file(path_ + "/README.md", "hello\n");
  std::string lines;
  for (int i = 1; i <= 10; ++i) lines += "line " + std::to_string(i) + "\n";
  write_file(path_ + "/src/main.txt", lines);
  commit_all("first");
}

std::string GitRepository::git(const std::string& arguments) const { return run_git(path_, arguments); }

std::string GitRepository::commit_all(const std::string& message) const {
  git("add -A");
  git("commit -q -m '" + message + "'");
  return git("rev-parse HEAD");
}

}  // namespace dossier::test
