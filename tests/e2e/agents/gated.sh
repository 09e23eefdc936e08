#!/bin/sh
# An agent for tests that works until the file given appears: gated.sh GATE. Each run leaves its process id in GATE.pids.
set -eu
echo $$ >>"$1.pids"
echo "waiting at the gate"
while [ ! -e "$1" ]; do sleep 0.05; done
printf 'through the gate\n' >>README.md
echo "through the gate"
