# A private Postgres cluster in a directory of its own: initdb, start, ready, stop. fsync on, loopback TCP only, scram
# with generated passwords. PostgreSQL refuses to run as root: there its files belong to the package's account
# "postgres", in a place that it can reach (reachable_folder of common.sh). Sourced after common.sh.
#
#   DIR/data            the cluster, or DIR/runtime/data
#   DIR/passwords 0600 · DIR/url 0600 (superuser "admin") · DIR/postgres.log · DIR/postgres.pid

postgres_bin() {
  local found
  found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1)
  [[ -n $found ]] || fail "PostgreSQL is not installed (apt-get install postgresql)"
  dirname "$found"
}

postgres_as() {  # COMMAND…: as the account that may run PostgreSQL, with no privilege kept
  if ((EUID == 0)); then
    setpriv --reuid=postgres --regid=postgres --clear-groups --inh-caps=-all --no-new-privs "$@"
  else
    "$@"
  fi
}

# The password goes by the environment: arguments can be read by every account of the machine.
postgres_psql() {  # DIR ARGUMENT…
  local dir=$1
  shift
  PGHOST=127.0.0.1 PGPORT=$(<"$dir/port") PGUSER=admin PGDATABASE=postgres PGCONNECT_TIMEOUT=2 \
    PGPASSWORD=$(sed -n 's/^admin=//p' "$dir/passwords") "$(postgres_bin)/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

postgres_answers() { postgres_psql "$1" -c 'SELECT 1'; }

# postgres_database DIR NAME: a database and the role that owns it, named alike, made once; prints its URL.
postgres_database() {
  local dir=$1 name=$2 password
  if ! grep -q "^$name=" "$dir/passwords"; then
    password=$(new_password)
    postgres_psql "$dir" <<END >&2 || fail "Postgres: the database $name could not be made"
CREATE ROLE $name LOGIN PASSWORD '$password';
CREATE DATABASE $name OWNER $name;
END
    { cat "$dir/passwords"; echo "$name=$password"; } | write_private "$dir/passwords"
  fi
  password=$(sed -n "s/^$name=//p" "$dir/passwords")
  echo "postgresql://$name:$password@127.0.0.1:$(<"$dir/port")/$name"
}

postgres_start() {  # DIR [--tests]
  local dir=$1 bin home port password
  if process_is_up "$dir/postgres.pid"; then return 0; fi
  bin=$(postgres_bin)
  home=$(reachable_folder "$dir" postgres)
  # Files in a runtime folder outlive a checkout that was removed by hand; without the passwords they are of no use.
  if [[ ! -r $dir/passwords && -d $home/data ]]; then
    [[ ! -e $home/data/postmaster.pid ]] || ! kill -0 "$(head -n 1 "$home/data/postmaster.pid")" 2>/dev/null ||
      fail "Postgres: another server, pid $(head -n 1 "$home/data/postmaster.pid"), uses $home/data; stop it and remove that folder"
    rm -rf "$home/data"
  fi
  if [[ ! -r $dir/passwords ]]; then echo "admin=$(new_password)" | write_private "$dir/passwords"; fi
  password=$(sed -n 's/^admin=//p' "$dir/passwords")
  if [[ ! -r $home/data/PG_VERSION ]]; then
    step "Postgres: making a private cluster in $home/data"
    rm -rf "$home/data" "$home/data.new" "$home/first-password"
    mkdir -m 700 "$home/data.new"
    write_private "$home/first-password" <<<"$password"
    ((EUID != 0)) || chown postgres:postgres "$home/data.new" "$home/first-password"
    (cd / && postgres_as "$bin/initdb" -D "$home/data.new" -U admin --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 \
      --pwfile="$home/first-password" >"$dir/initdb.log" 2>&1) || { cat "$dir/initdb.log" >&2; fail "Postgres: initdb failed"; }
    rm "$home/first-password"
    mv "$home/data.new" "$home/data"
  fi
  port=15432
  [[ ${2:-} != --tests ]] || port=$((11000 + RANDOM % 9000))
  [[ ! -r $dir/port ]] || port=$(<"$dir/port")
  port=$(free_port "$port")
  echo "$port" >"$dir/port"
  echo "postgresql://admin:$password@127.0.0.1:$port/postgres" | write_private "$dir/url"
  step "Postgres: starting on 127.0.0.1:$port"
  # A postmaster.pid left by a crash is judged by PostgreSQL itself, which refuses while that process lives.
  (cd / && start_process "$dir/postgres.pid" "$dir/postgres.log" "$infra_dir/local/postgres_account.sh" "$bin/postgres" \
    -D "$home/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=on \
    -c max_connections=200 -c shared_buffers=512MB -c max_wal_size=2GB -c wal_compression=lz4 -c password_encryption=scram-sha-256 \
    -c log_min_messages=warning -c timezone=UTC -c log_timezone=UTC -c jit=off)
  wait_until 30 "Postgres" "$dir/postgres.pid" "$dir/postgres.log" postgres_answers "$dir"
  step "Postgres: ready on 127.0.0.1:$port"
}

postgres_stop() { stop_process "$1/postgres.pid" "Postgres" 20 INT; }  # INT: "fast", clients are disconnected
