#!/bin/sh
# Runs a program of PostgreSQL in place of this one (so the process id stays), without root's rights when started as root.
if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid=postgres --regid=postgres --clear-groups --inh-caps=-all --no-new-privs "$@"
fi
exec "$@"
