# ./dev up, down, status, logs, clean, worker: the local installation in .local/. Sourced by ./dev.
#
#   .local/bin/dossier     the program, .local/profile.json beside it makes it work at once
#   .local/env             0600: what the server was started with, for a server or a program of your own beside it
#   .local/login.json      0600: the first user
#   .local/kafka, .local/postgres, .local/server, .local/worker-N, .local/demo, .local/run/*.pid, .local/logs/*.log

local_dir=$checkout/.local
run_dir=$local_dir/run
log_dir=$local_dir/logs
default_api_port=8787
demo_workers=2
# Agents run any command: as root they would own the machine, and the passwords in .local/ with it.
agent_account=${DOSSIER_WORKER_ACCOUNT-nobody}

up_owned_kafka() { [[ -z ${DOSSIER_KAFKA:-} || (-r $local_dir/kafka/bootstrap && $DOSSIER_KAFKA == "$(<"$local_dir/kafka/bootstrap")") ]]; }
up_owned_postgres() {
  [[ -z ${DOSSIER_DATABASE_URL:-} || (-r $local_dir/postgres/port && $DOSSIER_DATABASE_URL == *"@127.0.0.1:$(<"$local_dir/postgres/port")/dossier") ]]
}

# Sets and exports what `dossier serve` reads, from the local parts or from what the caller named.
up_clusters() {
  if up_owned_kafka; then
    kafka_start "$local_dir/kafka"
    DOSSIER_KAFKA=$(<"$local_dir/kafka/bootstrap")
    DOSSIER_KAFKA_PROPERTIES=$local_dir/kafka/server.properties
    DOSSIER_WORKER_KAFKA_PROPERTIES=$local_dir/kafka/worker.properties
  else
    step "Kafka: using $DOSSIER_KAFKA"
    if [[ -z ${DOSSIER_KAFKA_PROPERTIES:-} ]]; then
      mkdir -p "$local_dir/kafka"
      DOSSIER_KAFKA_PROPERTIES=$local_dir/kafka/existing.properties
      echo "bootstrap.servers=$DOSSIER_KAFKA" | write_private "$DOSSIER_KAFKA_PROPERTIES"
    fi
    DOSSIER_WORKER_KAFKA_PROPERTIES=${DOSSIER_WORKER_KAFKA_PROPERTIES:-$DOSSIER_KAFKA_PROPERTIES}
  fi
  if up_owned_postgres; then
    postgres_start "$local_dir/postgres"
    DOSSIER_DATABASE_URL=$(postgres_database "$local_dir/postgres" dossier)
  else
    step "Postgres: using the database of DOSSIER_DATABASE_URL"
  fi
  export DOSSIER_KAFKA DOSSIER_KAFKA_PROPERTIES DOSSIER_WORKER_KAFKA_PROPERTIES DOSSIER_DATABASE_URL
}

# The program is replaced only when it differs; a server or worker that runs the old one is then restarted.
up_install() {
  local built=$checkout/build/release/app/dossier installed=$local_dir/bin/dossier
  mkdir -p "$local_dir/bin"
  if cmp -s "$built" "$installed"; then return 0; fi
  cp "$built" "$installed.new"
  mv "$installed.new" "$installed"
  up_stop_programs
}

up_stop_programs() {
  local pidfile
  for pidfile in "$run_dir"/worker-*.pid "$run_dir"/serve.pid; do
    [[ -e $pidfile ]] || continue
    step "Stopping $(basename "$pidfile" .pid)"
    stop_process "$pidfile" "$(basename "$pidfile" .pid)" 20
  done
}

server_is_ready() { python3 "$infra_dir/demo/ready.py" "$(<"$local_dir/url")"; }

up_server() {
  mkdir -p "$local_dir/server/blobs"
  if process_is_up "$run_dir/serve.pid" && [[ -r $local_dir/url ]] && server_is_ready; then
    step "Server: runs at $(<"$local_dir/url")"
    return 0
  fi
  stop_process "$run_dir/serve.pid" "serve" 20
  step "Server: topics and schema"
  "$local_dir/bin/dossier" admin init >>"$log_dir/init.log" 2>&1 || {
    tail -n 20 "$log_dir/init.log" >&2
    fail "Server: dossier admin init failed; its log: $log_dir/init.log"
  }
  local port=$default_api_port
  [[ -r $local_dir/url ]] && port=$(sed 's/.*://' "$local_dir/url")
  port=$(free_port "$port")
  echo "http://127.0.0.1:$port" >"$local_dir/url"
  export DOSSIER_LISTEN=127.0.0.1:$port
  up_write_env
  step "Server: starting at $(<"$local_dir/url")"
  start_process "$run_dir/serve.pid" "$log_dir/serve.log" "$local_dir/bin/dossier" serve
  wait_until 60 "the server" "$run_dir/serve.pid" "$log_dir/serve.log" server_is_ready
  step "Server: ready"
}

up_write_env() {
  local name
  for name in LISTEN KAFKA KAFKA_PROPERTIES WORKER_KAFKA_PROPERTIES DATABASE_URL KEY_FILE BLOB_DIR TOPIC_PREFIX; do
    name=DOSSIER_$name
    [[ -z ${!name:-} ]] || printf 'export %s=%q\n' "$name" "${!name}"
  done | write_private "$local_dir/env"
}

up_worker() {  # NUMBER
  local name=worker-$1
  if process_is_up "$run_dir/$name.pid"; then
    step "Worker: $name runs"
    return 0
  fi
  local folder=$local_dir/$name as_account=()
  if ((EUID == 0)); then
    folder=$(reachable_folder "$folder" "${agent_account:-root}")
    as_account=(--account "$agent_account")
  fi
  mkdir -p "$folder"
  # The token goes by the environment: arguments can be read by every account. The worker needs no other secret, so it
  # gets none: what its agents can read of it must not open the database.
  (
    unset DOSSIER_DATABASE_URL DOSSIER_KAFKA_PROPERTIES DOSSIER_WORKER_KAFKA_PROPERTIES DOSSIER_KEY_FILE
    DOSSIER_URL=$(<"$local_dir/url") DOSSIER_TOKEN=$(<"$local_dir/worker-token")
    export DOSSIER_URL DOSSIER_TOKEN
    start_process "$run_dir/$name.pid" "$log_dir/$name.log" "$local_dir/bin/dossier" worker --name "$name" \
      --dir "$folder" --slots 2 "${as_account[@]}"
  )
  step "Worker: $name started"
}

dev_up() {
  umask 077
  mkdir -p "$local_dir"
  chmod 711 "$local_dir"  # Postgres and agents run as other accounts when this is root; secrets below are 0600
  exec 9>"$local_dir/lock"
  flock -n 9 || fail "another ./dev up runs in this checkout"
  mkdir -p "$run_dir" "$log_dir"
  packages_install run build
  export DOSSIER_KEY_FILE=${DOSSIER_KEY_FILE:-$local_dir/server/key} DOSSIER_BLOB_DIR=${DOSSIER_BLOB_DIR:-$local_dir/server/blobs}
  up_clusters
  build_tree release Release "" dossier
  up_install
  up_server
  python3 "$infra_dir/demo/demo.py" --local "$local_dir" login
  local number
  for ((number = 1; number <= demo_workers; number++)); do up_worker "$number"; done
  # The agent's account must be able to read the program that it runs.
  local demo_agent
  demo_agent=$(reachable_folder "$local_dir/demo" "${agent_account:-root}")/greeter
  install -m 755 "$infra_dir/demo/agent.sh" "$demo_agent"
  python3 "$infra_dir/demo/demo.py" --local "$local_dir" --agent "$demo_agent" run
  up_summary
}

up_summary() {
  local dossier=.local/bin/dossier issue
  issue=$(<"$local_dir/demo/issue")
  printf '\nThe demo issue, replayed from the log (%s replay --issue %s):\n\n' "$dossier" "$issue"
  "$local_dir/bin/dossier" replay --issue "$issue" --activity || fail "the replay failed"
  cat <<END

URL        $(<"$local_dir/url")   (/v1/openapi.json, /health, /metrics)
Login      $(python3 "$infra_dir/demo/demo.py" --local "$local_dir" show-login)
Try        $dossier issue list
           $dossier issue comment $issue "@greeter again, please"
           ./dev worker            a third worker takes part
           ./dev status | logs | down
END
  step "Up."
}

dev_worker() {  # [COUNT]
  local count=${1:-1} number=1
  process_is_up "$run_dir/serve.pid" || fail "nothing runs: ./dev up first"
  mkdir -p "$run_dir" "$log_dir"
  while ((count > 0)); do
    while process_is_up "$run_dir/worker-$number.pid"; do number=$((number + 1)); done
    up_worker "$number"
    count=$((count - 1))
  done
}

dev_down() {
  up_stop_programs
  postgres_stop "$local_dir/postgres"
  kafka_stop "$local_dir/kafka"
  step "Down. The data stays in .local/; ./dev up resumes, ./dev clean removes it."
}

dev_status() {
  local pidfile name pid down=0
  for pidfile in "$local_dir/kafka/broker.pid" "$local_dir/postgres/postgres.pid" "$run_dir"/serve.pid "$run_dir"/worker-*.pid; do
    name=$(basename "$pidfile" .pid)
    [[ $name != worker-\* ]] || continue
    if process_is_up "$pidfile"; then
      read -r pid _ <"$pidfile"
      printf '%-10s up    pid %-8s %s MB\n' "$name" "$pid" "$(($(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status") / 1024))"
    else
      printf '%-10s down\n' "$name"
      down=1
    fi
  done
  [[ ! -r $local_dir/url ]] || printf '%-10s %s\n' URL "$(<"$local_dir/url")"
  return "$down"
}

dev_logs() {  # [NAME]
  local files=()
  case ${1:-} in
    "") files=("$log_dir"/*.log "$local_dir/kafka/broker.log" "$local_dir/postgres/postgres.log") ;;
    kafka) files=("$local_dir/kafka/broker.log") ;;
    postgres) files=("$local_dir/postgres/postgres.log") ;;
    *) files=("$log_dir/$1.log") ;;
  esac
  local file existing=()
  for file in "${files[@]}"; do [[ ! -r $file ]] || existing+=("$file"); done
  ((${#existing[@]} > 0)) || fail "no such log: ${1:-.local/logs}"
  exec tail -n 100 -F "${existing[@]}"
}

# The downloads stay: Kafka's jars, npm packages, the compiler's cache.
dev_clean() {
  local folder
  dev_down
  for folder in "$local_dir"/postgres "$local_dir"/demo "$local_dir"/worker-*; do remove_folder "$folder"; done
  find "$local_dir" -mindepth 1 -maxdepth 1 ! -name kafka ! -name npm ! -name ccache -exec rm -rf {} +
  [[ ! -d $local_dir/kafka ]] || find "$local_dir/kafka" -mindepth 1 -maxdepth 1 ! -name libs -exec rm -rf {} +
  step "Clean."
}
