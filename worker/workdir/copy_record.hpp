// What this worker knows of a working copy, in a file beside it: written whole under another name first, and read after a
// restart. Meanwhile what is in memory counts, so that a task does not read the files of a thousand earlier ones.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace dossier::worker {

struct CopyRecord {
  enum class State : std::uint8_t {
    active,    // a run has it, or had when the worker died
    idle,      // the run is over; the next session of the issue goes on here
    broken,    // it could not be mended: kept for a look as the idle ones are, and never gone on with
    removing,  // the worktree is being removed
    removed,   // they are; the branch holds the work
  };
  std::string project;     // folder below workdirs/
  std::string worktree;    // folder below that, and git's name for it
  std::string repository;  // folder below repos/
  std::string issue_id;    // empty: of no issue, never gone on with
  std::string session_id;  // the last one
  std::string branch;
  std::string proposal;     // the last one of the agent that was looked at
  std::string base_branch;  // of the source
  std::string base_commit;
  std::string head;  // tip of the branch when it was last known to be right
  std::uint64_t generation = 0;
  std::uint32_t offer = 0;
  State state = State::active;
  std::int64_t released_us = 0;    // wall clock
  std::int64_t not_before_us = 0;  // removing: the next try
  std::uint32_t tries = 0;         // removing: those that failed

  // Later sessions and offers come after earlier ones.
  std::pair<std::uint64_t, std::uint32_t> fence() const { return {generation, offer}; }
};

// Names come from files that an agent without an account of its own could write, so they are checked: a path made of them stays below the root.
bool is_plain_name(const std::string& name);

std::string write_copy_record(const CopyRecord& record);
// corrupt: no such record.
Result<CopyRecord> parse_copy_record(const std::string& text);

// The managed folder: where things of a working copy lie, and the records of all that are there. Thread-safe; the only one of its root.
// Records are read from disk once, when first asked for; one that can't be read is left alone.
class CopyFolder {
 public:
  explicit CopyFolder(std::string root) : root_(std::move(root)) {}
  std::string repositories() const { return root_ + "/repos"; }
  std::string workdirs() const { return root_ + "/workdirs"; }
  std::string repository(const CopyRecord& record) const { return repositories() + "/" + record.repository; }
  std::string path(const CopyRecord& record) const { return workdirs() + "/" + record.project + "/" + record.worktree; }
  std::string index(const CopyRecord& record) const { return path(record) + ".index"; }
  // Is there while submodules are checked out, and at no other time: credentials may lie in it.
  std::string scratch(const CopyRecord& record) const { return path(record) + kScratchSuffix; }

  // not_found: none of a copy at `path`.
  Result<CopyRecord> load(const std::string& path) const;
  // io, forbidden: it is as it was, on disk and in memory.
  Status save(const CopyRecord& record) const;
  // In memory alone, until the next save.
  void remember(const CopyRecord& record) const;
  void forget(const CopyRecord& record) const;
  // In no order.
  std::vector<CopyRecord> all() const;
  std::vector<CopyRecord> in_states(const std::set<CopyRecord::State>& states) const;
  std::vector<CopyRecord> of_issue(const std::string& issue_id) const;
  std::size_t count(CopyRecord::State state) const;
  // Worktree and private index. Follows no link below the root: forbidden where a folder on the way is one.
  Status remove_worktree(const CopyRecord& record) const;
  // What a run that was killed left beside it: a diff, evidence, output beyond the limit.
  Status remove_files_beside(const CopyRecord& record) const;
  // The checking out of its submodules was broken off by a crash.
  bool is_half_made(const CopyRecord& record) const;
  Status remove_scratch(const CopyRecord& record) const;
  // What its submodules looked like when they had been checked out (submodules.hpp); empty: it has none, or nothing is known of them.
  Status write_look(const CopyRecord& record, const std::string& look) const;
  std::string read_look(const CopyRecord& record) const;
  // forbidden: the project's folder is a link.
  Status check_project(const std::string& project) const;

 private:
  static constexpr const char* kScratchSuffix = ".submodules.making";

  struct Known {
    std::unordered_map<std::string, CopyRecord> records;  // by path
    std::map<CopyRecord::State, std::set<std::string>> of_state;
    std::map<std::string, std::set<std::string>> of_issue;
    void put(const std::string& path, const CopyRecord& record);
    void remove(const std::string& path);
    std::vector<CopyRecord> at(const std::set<std::string>& paths) const;
  };
  Result<CopyRecord> read(const std::string& path) const;
  Known& known_locked() const;

  std::string root_;
  mutable std::mutex mutex_;
  mutable std::optional<Known> known_;
};

}  // namespace dossier::worker
