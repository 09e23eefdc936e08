# System packages: what infra/packages-debian.txt lists and this machine lacks, by apt. PostgreSQL's packages make and
# start a cluster of their own when installed: that is switched off for the while, and what was there before is put back.
# Sourced after common.sh.

packages_missing() {  # GROUP…
  local group package colon command wanted
  while read -r group package colon command; do
    [[ $group == "#" || -z $group || $group == \#* ]] && continue
    for wanted in "$@"; do
      [[ $group == "$wanted" ]] || continue
      if [[ $colon == : ]]; then
        command -v "$command" >/dev/null || echo "$package"
      else
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
      fi
    done
  done <"$infra_dir/packages-debian.txt"
}

apt_as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "these need root, and there is no sudo: apt-get install $(packages_missing "${packages_wanted[@]}" | tr '\n' ' ')"
  fi
}

packages_install() {  # GROUP…
  packages_wanted=("$@")
  local missing
  missing=$(packages_missing "$@")
  [[ -n $missing ]] || return 0
  command -v apt-get >/dev/null || fail "missing, and there is no apt here: ${missing//$'\n'/ }"
  step "Packages: installing ${missing//$'\n'/ }"
  local log=$checkout/.local/apt.log
  mkdir -p "$checkout/.local"
  # shellcheck disable=SC2086  # one word a package
  apt_as_root bash "$infra_dir/local/apt_install.sh" ${missing//$'\n'/ } >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "Packages: apt failed; its log: $log"
  }
  missing=$(packages_missing "$@")
  [[ -z $missing ]] || fail "Packages: still missing after apt: ${missing//$'\n'/ }"
}
