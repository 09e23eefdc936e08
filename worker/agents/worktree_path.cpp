// Prefixes, at the borders of names.
#include "worker/agents/worktree_path.hpp"

namespace dossier::worker {

std::string path_in_worktree(std::string_view path, std::string_view worktree) {
  while (worktree.size() > 1 && worktree.back() == '/') worktree.remove_suffix(1);
  if (worktree.empty() || path.substr(0, worktree.size()) != worktree) return std::string(path);
  std::string_view rest = path.substr(worktree.size());
  if (rest.empty() || rest == "/") return ".";
  if (rest.front() != '/') return std::string(path);  // a neighbour whose name begins alike
  rest.remove_prefix(1);
  return std::string(rest);
}

}  // namespace dossier::worker
