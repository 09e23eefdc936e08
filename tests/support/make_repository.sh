#!/bin/sh
# Makes a git repository with one commit on main in the folder given.
set -eu
mkdir -p "$1"
cd "$1"
git init -q -b main
printf 'one\n' >README.md
git add README.md
git -c user.name=Tests -c user.email=tests@localhost commit -q -m "Begin"
