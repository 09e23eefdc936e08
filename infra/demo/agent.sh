#!/usr/bin/env bash
# The demo's agent: a real program that works in the worktree it is started in. It runs the project's tests, sees the
# one that fails, mends the program, runs the tests again, and says each step on standard output.
set -euo pipefail

say() { printf '%s\n' "$*"; }

say "asked: ${DOSSIER_ISSUE_TITLE:-nothing}"
say "working on branch ${DOSSIER_BRANCH:-?}: $(find . -maxdepth 1 -type f ! -name .git | wc -l) files"
say "running ./test.sh"
if ./test.sh; then
  say "nothing to mend: all tests pass"
else
  say "greet.sh splits the name at its spaces: quoting it"
  # shellcheck disable=SC2016  # the text of the program is meant, not this script's arguments
  sed -i 's/^greet \$1$/greet "$1"/' greet.sh
  say "running ./test.sh again"
  ./test.sh
fi
printf '%s\n' "- Names with spaces are greeted whole." >>CHANGES.md
say "done"
