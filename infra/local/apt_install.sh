#!/usr/bin/env bash
# apt-get install as root, leaving no started service and no new database cluster behind: services are kept from
# starting by policy-rc.d, PostgreSQL's first cluster by createcluster.conf. Both are as before when this ends.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
kept=$(mktemp -d)

put_back() {
  if [[ -e $kept/policy ]]; then cp -p "$kept/policy" "$policy"; else rm -f "$policy"; fi
  if [[ -e $kept/clusters ]]; then cp -p "$kept/clusters" "$clusters"; fi
  rm -rf "$kept"
}

wait_for_apt=(-o DPkg::Lock::Timeout=300)
apt-get "${wait_for_apt[@]}" update
[[ ! -e $policy ]] || cp -p "$policy" "$kept/policy"
trap put_back EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
if [[ " $* " == *" postgresql "* ]]; then
  # First the package that owns the setting, then the setting, then the server, whose installation reads it.
  apt-get "${wait_for_apt[@]}" install -y --no-install-recommends postgresql-common
  cp -p "$clusters" "$kept/clusters"
  sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' "$clusters"
  grep -q '^create_main_cluster = false' "$clusters" || echo 'create_main_cluster = false' >>"$clusters"
fi
apt-get "${wait_for_apt[@]}" install -y --no-install-recommends "$@"
