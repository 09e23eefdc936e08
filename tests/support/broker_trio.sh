#!/usr/bin/env bash
# Three Kafka brokers of one cluster on loopback, without accounts, for tests:
#   broker_trio.sh start DIR           formats and starts all three; DIR/bootstrap names them
#   broker_trio.sh start DIR NUMBER    one of them again, on its port
#   broker_trio.sh stop DIR
# DIR/<n>/broker.pid, broker.log, data. Combined roles, so any two of the three are a quorum.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=infra/local/common.sh
source "$here/../../infra/local/common.sh"
# shellcheck source=infra/local/kafka.sh
source "$here/../../infra/local/kafka.sh"

trio_configure() {  # DIR
  local dir=$1 number port=$((21000 + RANDOM % 9000)) voters=() brokers=() controllers=()
  for number in 1 2 3; do
    port=$(free_port "$port")
    brokers+=("127.0.0.1:$port")
    port=$(free_port $((port + 1)))
    controllers+=("127.0.0.1:$port")
    voters+=("$number@127.0.0.1:$port")
    port=$((port + 1))
  done
  (IFS=,; echo "${brokers[*]}") >"$dir/bootstrap"
  for number in 1 2 3; do
    mkdir -p "$dir/$number/data"
    cat >"$dir/$number/broker.properties" <<END
process.roles=broker,controller
node.id=$number
controller.quorum.voters=$(IFS=,; echo "${voters[*]}")
listeners=PLAINTEXT://${brokers[number - 1]},CONTROLLER://${controllers[number - 1]}
advertised.listeners=PLAINTEXT://${brokers[number - 1]}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/$number/data
num.network.threads=2
num.io.threads=2
num.recovery.threads.per.data.dir=2
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=3
offsets.topic.num.partitions=4
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
controller.quorum.election.timeout.ms=1000
controller.quorum.fetch.timeout.ms=1500
END
  done
}

# Formatted once; the other two are copies under their own numbers.
trio_format() {  # DIR
  local dir=$1 number
  kafka_java -Xmx128m kafka.tools.StorageTool format -t "k$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | cut -c2-)" \
    -c "$dir/1/broker.properties" >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; fail "Kafka: its storage could not be formatted"; }
  for number in 2 3; do
    cp -r "$dir/1/data/." "$dir/$number/data/"
    sed -i -e "s/^node.id=.*/node.id=$number/" \
      -e "s|^directory.id=.*|directory.id=d$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | cut -c2-)|" "$dir/$number/data/meta.properties"
  done
}

trio_launch() {  # DIR NUMBER
  local dir=$1/$2
  start_process "$dir/broker.pid" "$dir/broker.log" java -Xms128m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Djava.awt.headless=true -Ddossier.kafka.log="$dir" -cp "$kafka_libs:$kafka_libs/*" kafka.Kafka "$dir/broker.properties"
}

port_answers() { ! port_is_free "$1"; }

trio_wait() {  # DIR NUMBER
  local port
  port=$(cut -d, -f"$2" "$1/bootstrap" | cut -d: -f2)
  wait_until 90 "broker $2" "$1/$2/broker.pid" "$1/$2/broker.log" port_answers "$port"
}

main() {
  local action=${1:-} dir=${2:-} only=${3:-} number
  [[ $dir == /* && $only =~ ^[123]?$ ]] || { sed -n '2,6p' "${BASH_SOURCE[0]}" >&2; exit 2; }
  case $action in
    start)
      kafka_jars
      mkdir -p "$dir"
      if [[ ! -r $dir/bootstrap ]]; then
        trio_configure "$dir"
        trio_format "$dir"
      fi
      for number in ${only:-1 2 3}; do trio_launch "$dir" "$number"; done
      for number in ${only:-1 2 3}; do trio_wait "$dir" "$number"; done
      ;;
    stop) for number in 1 2 3; do stop_process "$dir/$number/broker.pid" "broker $number" 5 KILL; done ;;
    *)
      sed -n '2,6p' "${BASH_SOURCE[0]}" >&2
      exit 2
      ;;
  esac
}
main "$@"
