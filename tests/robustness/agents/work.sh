#!/bin/sh
# An agent for tests that is at work for a second or two, says so line by line, and changes a file of the worktree.
set -eu
left=$((20 + $(od -An -N1 -tu1 /dev/urandom) % 20))
while [ "$left" -gt 0 ]; do
  echo "$left to go"
  left=$((left - 1))
  sleep 0.05
done
printf 'worked\n' >>README.md
