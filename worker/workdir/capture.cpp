// What is in a working copy: as a tree between two of its moments, and as a commit at the end of a turn.
#include <algorithm>

#include "platform/git/beneath.hpp"
#include "platform/git/names.hpp"
#include "worker/workdir/submodules.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {
namespace {

// Their links stay as the branch has them, so what changed in one is not in the tree.
void add_changed_submodules(const CopyFolder& folder, const CopyRecord& record, std::vector<std::string>& left_out) {
  for (std::string& one : changed_submodules(folder.path(record), folder.read_look(record))) left_out.push_back(std::move(one));
}

}  // namespace

// The record, if this run still has the copy.
Result<CopyRecord> WorkdirStore::present_record(const Workdir& workdir) const {
  TRY(CopyRecord record, folder_.load(workdir.path));
  if (record.fence() != std::pair<std::uint64_t, std::uint32_t>(workdir.generation, workdir.offer))
    return make_error(Code::conflict, "stale: the working copy " + workdir.worktree + " is of a later session or offer (generation " +
                                          std::to_string(record.generation) + ", offer " + std::to_string(record.offer) + ")");
  return record;
}

Result<TreeChange> WorkdirStore::snapshot(const Workdir& workdir, const std::string& parent_tree) {
  const auto copy_mutex = lock_of(workdir.path);
  const std::lock_guard lock(*copy_mutex);
  TRY(const CopyRecord record, present_record(workdir));
  TRY(auto repository, git::Repository::open(workdir.repository));
  const auto tip = repository.resolve("refs/heads/" + record.branch);
  const std::string parent = tip ? *tip : record.head;
  TRY(git::Snapshot snapshot, repository.snapshot(workdir.path, folder_.index(record), parent));
  TreeChange change;
  change.tree = std::move(snapshot.tree);
  change.left_out = std::move(snapshot.left_out);
  add_changed_submodules(folder_, record, change.left_out);
  change.parent_tree = parent_tree;
  if (change.parent_tree.empty()) {
    TRY(change.parent_tree, repository.tree_of(parent));
  }
  TRY(git::Changes changes, repository.changed_files(change.parent_tree, change.tree, kMaxChangedFiles));
  change.files = std::move(changes.files);
  change.files_omitted = changes.omitted;
  return change;
}

// A name that can't be had is no failure of the work: the branch keeps the one it has, and the report says why.
void WorkdirStore::follow_proposal(git::Repository& repository, CopyRecord& record, Captured& captured) {
  const auto folder = git::Folder::open(folder_.path(record));
  if (!folder) return;
  const auto text = folder->read_file(kBranchProposal, kMaxProposalBytes);
  if (!text) {
    if (text.error().code != Code::not_found) captured.proposal_refused = text.error().message;
    return;
  }
  const auto follow = [&]() -> Status {
    TRY(const std::string wanted, parse_branch_proposal(*text));
    if (wanted == record.branch || wanted == record.proposal) return {};
    TRY(auto taken, repository.branch_names());
    // Its own name is given up; a repository can't have "a" beside "a/b" even for the moment in which both exist.
    if (!git::branch_names_collide(wanted, record.branch)) std::erase(taken, record.branch);
    std::string session = record.session_id.substr(std::min(record.session_id.find('_') + 1, record.session_id.size()), 8);
    TRY(const std::string name, choose_branch(wanted, taken, session));
    TRY(const std::string tip, repository.resolve("refs/heads/" + record.branch));
    const std::string old = record.branch;
    TRY_STATUS(repository.create_branch(name, tip));
    record.branch = name;
    record.proposal = wanted;
    TRY_STATUS(repository.attach_worktree(record.worktree, folder_.path(record), name));
    // The record before the old name goes: at any moment the branch that it names is there.
    TRY_STATUS(folder_.save(record));
    return repository.remove_branch(old);
  };
  const Status followed = follow();
  if (!followed) captured.proposal_refused = followed.error().message;
}

Result<Captured> WorkdirStore::capture(const Workdir& workdir, const std::string& message, const git::Person& author, const git::DiffSink& sink) {
  const auto copy_mutex = lock_of(workdir.path);
  const std::lock_guard copy_lock(*copy_mutex);
  const auto repository_mutex = lock_of(workdir.repository);
  const std::lock_guard lock(*repository_mutex);
  TRY(CopyRecord record, present_record(workdir));
  TRY(auto repository, git::Repository::open(workdir.repository));
  Captured captured;
  TRY(const std::string tip, settle_branch(repository, folder_, record));
  TRY(git::Snapshot snapshot, repository.snapshot(workdir.path, folder_.index(record), tip));
  captured.left_out = std::move(snapshot.left_out);
  add_changed_submodules(folder_, record, captured.left_out);
  captured.tree = std::move(snapshot.tree);
  TRY(captured.commit, repository.commit_tree(captured.tree, record.branch, message, author));
  record.head = captured.commit;
  TRY_STATUS(folder_.save(record));
  // The agent's next turn sees its work as committed, not as changes against the old tip.
  if (captured.commit != tip || repository.probe_worktree(record.worktree, workdir.path).branch != record.branch)
    TRY_STATUS(repository.attach_worktree(record.worktree, workdir.path, record.branch));
  follow_proposal(repository, record, captured);
  captured.branch = record.branch;
  captured.generation = record.generation;
  // The default branch as it is now, where a look costs nothing; else as it was when a session last began on this repository.
  if (const auto url = repository.remote_url(); url && url->front() == '/') (void)repository.fetch([] { return false; });
  const auto upstream = repository.resolve("refs/remotes/origin/" + record.base_branch);
  if (upstream) {
    if (auto base = repository.merge_base(*upstream, captured.commit)) captured.merge_base = *std::move(base);
    TRY(const git::Distance distance, repository.distance(captured.commit, *upstream));
    captured.ahead = distance.ahead;
    captured.behind = distance.behind;
  }
  // From where the work began; from the later point where the agent took in newer commits of the default branch, which are
  // no part of its work. A branch that was merged since is its own merge base, and has a diff all the same.
  captured.base_commit = record.base_commit;
  if (auto base = repository.merge_base(record.base_commit, captured.commit)) captured.base_commit = *std::move(base);
  if (!captured.merge_base.empty() && captured.merge_base != captured.commit && repository.descends(captured.merge_base, captured.base_commit))
    captured.base_commit = captured.merge_base;
  TRY(captured.files, repository.diff(captured.base_commit, captured.commit, sink));
  return captured;
}

}  // namespace dossier::worker
