// Looks, and what differs.
#include "worker/run_trees.hpp"

#include "worker/source_report.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kMaxItem = 256;
constexpr int kMaxToldLeftOut = 10;

}  // namespace

void RunTrees::after_item(std::uint32_t turn, const std::string& item) {
  if (clock_.boot_us() >= rest_until_us_) look(turn, item);
}

void RunTrees::after_turn(std::uint32_t turn) { look(turn, {}); }

void RunTrees::look(std::uint32_t turn, const std::string& item) {
  const std::int64_t began_us = clock_.boot_us();
  const auto change = workdirs_.snapshot(workdir_, tree_);
  const std::int64_t ended_us = clock_.boot_us();
  rest_until_us_ = ended_us + (ended_us - began_us) * (kShare - 1);
  if (!change) {
    if (!told_failure_) activity_.log_line("system", "the worktree's tree can't be taken: " + change.error().message);
    told_failure_ = true;
    return;
  }
  tree_ = change->tree;
  if (change->tree == change->parent_tree) return;
  v1::SourceCaptured bounded;  // the same bounds as a report's
  set_files(bounded, change->files);
  v1::ActivityEvent event;
  v1::TreeSnapshot& snapshot = *event.mutable_tree_snapshot();
  snapshot.set_turn(turn);
  snapshot.set_provider_item(clean_text(item, kMaxItem));
  snapshot.set_tree(change->tree);
  snapshot.set_parent_tree(change->parent_tree);
  snapshot.mutable_files()->Swap(bounded.mutable_files());
  snapshot.set_files_omitted(bounded.files_omitted() + static_cast<std::uint32_t>(change->files_omitted));
  activity_.add(std::move(event));
  int told = 0;
  for (const std::string& one : change->left_out)
    if (told++ < kMaxToldLeftOut) activity_.log_line("system", "not in the tree: " + one);
}

}  // namespace dossier::worker
