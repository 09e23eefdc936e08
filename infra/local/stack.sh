#!/usr/bin/env bash
# A throw-away Kafka and Postgres in one directory, for tests and for development:
#   infra/local/stack.sh start --dir DIR     starts both, writes DIR/env (source it)
#   infra/local/stack.sh stop|status|remove --dir DIR
#   infra/local/stack.sh start|stop --dir DIR kafka|postgres     one of them, on the port that it had
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=infra/local/common.sh
source "$here/common.sh"
# shellcheck source=infra/local/kafka.sh
source "$here/kafka.sh"
# shellcheck source=infra/local/postgres.sh
source "$here/postgres.sh"

write_env() {
  write_private "$1/env" <<END
export DOSSIER_TEST_KAFKA_PROPERTIES=$1/kafka/admin.properties
export DOSSIER_TEST_SERVER_KAFKA_PROPERTIES=$1/kafka/server.properties
export DOSSIER_TEST_WORKER_KAFKA_PROPERTIES=$1/kafka/worker.properties
export DOSSIER_TEST_DATABASE_URL='$(<"$1/postgres/url")'
export DOSSIER_TEST_STACK=$1
# Before the worker's account uses topics of a prefix: \$DOSSIER_TEST_GRANT <prefix>
export DOSSIER_TEST_GRANT='python3 $here/kafka_acls.py --properties $1/kafka/admin.properties --prefix'
END
}

main() {
  local action=${1:-} dir=${3:-} only=${4:-}
  [[ ${2:-} == --dir && $dir == /* && $only =~ ^(kafka|postgres|)$ ]] || { sed -n '2,5p' "${BASH_SOURCE[0]}" >&2; exit 2; }
  case $action in
    start)
      mkdir -p "$dir"
      [[ $only == postgres ]] || kafka_start "$dir/kafka" --tests
      [[ $only == kafka ]] || postgres_start "$dir/postgres" --tests
      write_env "$dir"
      ;;
    stop)
      [[ $only == postgres ]] || kafka_stop "$dir/kafka"
      [[ $only == kafka ]] || postgres_stop "$dir/postgres"
      ;;
    remove)
      kafka_stop "$dir/kafka"
      postgres_stop "$dir/postgres"
      remove_folder "$dir/postgres"
      rm -rf "$dir"
      ;;
    status)
      local name
      for name in kafka/broker postgres/postgres; do
        if process_is_up "$dir/$name.pid"; then echo "${name%/*} up"; else echo "${name%/*} down"; fi
      done
      ;;
    *)
      sed -n '2,5p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
}
main "$@"
