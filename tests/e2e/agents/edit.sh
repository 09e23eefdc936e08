#!/bin/sh
# An agent for tests: says two lines, changes a file of the worktree, and ends.
set -eu
echo "reading the request"
printf 'two\n' >>README.md
echo "README.md has $(wc -l <README.md) lines now"
