# What every part of the local stack shares: progress lines with the time, generated passwords, free ports, processes
# that are started detached and ended by their id. Sourced by ./dev and infra/local/stack.sh; bash 5, no other language.

stack_began=${EPOCHREALTIME/./}

elapsed_s() {  # seconds since this program began, with one decimal
  local now=${EPOCHREALTIME/./}
  local tenths=$(((now - stack_began) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

step() { printf '[%6ss] %s\n' "$(elapsed_s)" "$*" >&2; }
fail() {
  printf '[%6ss] %s\n' "$(elapsed_s)" "$*" >&2
  exit 1
}

new_password() { head -c 18 /dev/urandom | base64 | tr '+/' '-_'; }

# write_private FILE: standard input becomes FILE, which only its owner may ever read.
write_private() {
  (
    umask 077
    cat >"$1.new"
  )
  mv "$1.new" "$1"
}

# reachable_folder DIR ACCOUNT: makes DIR and prints it, or, where this is root and ACCOUNT can't get there (a clone below a
# 0700 home), a runtime folder in /var/tmp that is named after DIR and linked from DIR/runtime. Nothing in a home is opened
# to other accounts, and ACCOUNT keeps no privilege.
reachable_folder() {
  local dir=$1 account=$2 runtime
  mkdir -p "$dir"
  if ((EUID != 0)); then
    chmod 700 "$dir"
    echo "$dir"
    return
  fi
  chmod 711 "$dir"
  if setpriv --reuid="$account" --regid="$(id -g "$account")" --clear-groups test -x "$dir"; then
    echo "$dir"
    return
  fi
  runtime=/var/tmp/dossier-$(printf '%s' "$dir" | sha256sum | cut -c1-16)
  if [[ ! -d $runtime ]]; then
    mkdir -m 711 "$runtime"
    step "The account $account can't reach $dir: what it needs is in $runtime (./dev clean removes it)"
  fi
  # /var/tmp is everybody's: a folder that somebody else made there under this name is not ours to trust.
  [[ ! -L $runtime && $(stat -c %u "$runtime") == 0 ]] || fail "$runtime belongs to someone else; remove it"
  ln -sfn "$runtime" "$dir/runtime"
  echo "$runtime"
}

remove_folder() {  # DIR, and its runtime folder if it has one
  local runtime
  runtime=$(readlink "$1/runtime" 2>/dev/null || true)
  if [[ $runtime == /var/tmp/dossier-* ]]; then rm -rf "$runtime"; fi
  rm -rf "$1"
}

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: the first port from FIRST on, at most 2,000 tries, on which nobody listens and that lies outside the
# range which the kernel gives to outgoing connections (one of those could take it before the server listens).
free_port() {
  local port=$1 last=$(($1 + 2000))
  local low high
  read -r low high </proc/sys/net/ipv4/ip_local_port_range
  for (( ; port < last; port++)); do
    if ((port >= low && port <= high)); then continue; fi
    if port_is_free "$port"; then
      echo "$port"
      return
    fi
  done
  fail "no free port between $1 and $last"
}

# A pid file holds "<pid> <start time>": an id that the kernel has given to another program since is never signalled.
process_started_at() { cut -d')' -f2- "/proc/$1/stat" 2>/dev/null | cut -d' ' -f21; }

process_is_up() {  # PIDFILE
  local pid began
  [[ -r $1 ]] && read -r pid began <"$1" && [[ -n $began && $(process_started_at "$pid") == "$began" ]] &&
    [[ $(cut -d')' -f2- "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f2) != Z ]]
}

# start_process PIDFILE LOG COMMAND…: detached from this terminal, so that Ctrl-C here does not reach it.
start_process() {
  local pidfile=$1 log=$2
  shift 2
  setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
  local pid=$!
  disown "$pid" 2>/dev/null || true
  echo "$pid $(process_started_at "$pid")" >"$pidfile"
}

# stop_process PIDFILE NAME [SECONDS [SIGNAL]]: asks, waits, and after SECONDS (20) kills.
stop_process() {
  local pidfile=$1 name=$2 seconds=${3:-20} signal=${4:-TERM} pid tick
  if ! process_is_up "$pidfile"; then
    rm -f "$pidfile"
    return 0
  fi
  read -r pid _ <"$pidfile"
  kill -"$signal" "$pid" 2>/dev/null || true
  for ((tick = 0; tick < seconds * 10; tick++)); do
    if ! process_is_up "$pidfile"; then
      rm -f "$pidfile"
      return 0
    fi
    sleep 0.1
  done
  step "$name (pid $pid) did not end within $seconds s: killed"
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$pidfile"
}

# wait_until SECONDS WHAT PIDFILE LOG COMMAND…: polls COMMAND; the end of the process of PIDFILE ends the wait with its log.
wait_until() {
  local seconds=$1 what=$2 pidfile=$3 log=$4 tick
  shift 4
  for ((tick = 1; tick <= seconds * 10; tick++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    if ! process_is_up "$pidfile"; then
      tail -n 30 "$log" >&2
      fail "$what ended while starting; its log: $log"
    fi
    if ((tick % 50 == 0)); then step "  still waiting for $what ($((tick / 10)) s)"; fi
    sleep 0.1
  done
  tail -n 30 "$log" >&2
  fail "$what was not ready after $seconds s; its log: $log"
}
