// A workspace in full swing on a FoldedLog: members, a project, an agent, issues, tasks in each state. What tests of
// decisions start from.
#pragma once

#include <string>

#include "base/ids.hpp"
#include "tests/support/folded_log.hpp"

namespace dossier::test {

struct Office {
  Office();

  FoldedLog log;
  std::string owner = "usr_" + std::string(32, 'a');
  std::string member = "usr_" + std::string(32, 'b');
  std::string stranger = "usr_" + std::string(32, 'c');
  WorkerId worker{"wkr_" + std::string(32, '1')};
  WorkerId other_worker{"wkr_" + std::string(32, '2')};
  ProjectId project;
  IssueId issue;        // attached to the project, nobody at work
  IssueId plain_issue;  // no project

  // An issue whose comment queued a task for @fixer.
  struct Busy {
    IssueId issue;
    SessionId session;
    TaskId task;
  };
  Busy ask(const std::string& name);
  // The task offered to `worker` (number 1), and claimed.
  void offer(const Busy& busy);
  void claim(const Busy& busy);
  void must(const producers::Decide& decide, const std::string& actor, const std::string& key);
};

}  // namespace dossier::test
