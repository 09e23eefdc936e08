# One Kafka broker in KRaft mode (combined roles, one java process) in a directory of its own: jars once by Maven, format,
# start, ready, ACLs, stop. SASL/PLAIN with generated passwords, StandardAuthorizer, loopback only. Sourced after common.sh.
#
#   DIR/libs            the jars (shared: kafka_jars puts them into .local/kafka/libs of the checkout)
#   DIR/data            the broker's log
#   DIR/passwords       0600, name=value: admin, server, worker, broker
#   DIR/{admin,server,worker}.properties   0600, librdkafka settings; client.properties is the admin's, for other tools
#   DIR/broker.properties, broker.log, broker.pid, bootstrap

infra_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
checkout=$(cd "$infra_dir/.." && pwd)
kafka_libs=${DOSSIER_KAFKA_LIBS:-$checkout/.local/kafka/libs}

# The stamp is the pom's hash: a new pin fetches again, everything else finds the jars of the last time.
kafka_jars() {
  local wanted
  wanted=$(sha256sum "$infra_dir/kafka/pom.xml" | cut -d' ' -f1)
  if [[ -r $kafka_libs/.pom && $(<"$kafka_libs/.pom") == "$wanted" ]]; then return 0; fi
  step "Kafka: fetching the jars by Maven into $kafka_libs"
  rm -rf "$kafka_libs.new"
  mkdir -p "$kafka_libs.new"
  mvn -q -B -Dstyle.color=never -f "$infra_dir/kafka/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$kafka_libs.new" >&2 ||
    fail "Maven could not fetch Kafka's jars. Behind a proxy, name it in ~/.m2/settings.xml; or set DOSSIER_KAFKA to a cluster that exists."
  cp "$infra_dir/kafka/log4j2.properties" "$kafka_libs.new/"
  echo "$wanted" >"$kafka_libs.new/.pom"
  rm -rf "$kafka_libs"
  mv "$kafka_libs.new" "$kafka_libs"
}

kafka_java() {  # JVM-OPTION… CLASS ARGUMENT…
  java -cp "$kafka_libs:$kafka_libs/*" "$@"
}

kafka_client_properties() {  # DIR USER
  local password
  password=$(sed -n "s/^$2=//p" "$1/passwords")
  write_private "$1/$2.properties" <<END
bootstrap.servers=$(<"$1/bootstrap")
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.username=$2
sasl.password=$password
END
}

# Writes everything that the broker reads. The ports are chosen at each start, because others may have taken them since.
kafka_configure() {  # DIR [--tests]
  local dir=$1 port controller name admin server worker broker
  mkdir -p "$dir/data"
  chmod 700 "$dir"
  if [[ ! -r $dir/passwords ]]; then
    for name in admin server worker broker; do echo "$name=$(new_password)"; done | write_private "$dir/passwords"
  fi
  admin=$(sed -n 's/^admin=//p' "$dir/passwords")
  server=$(sed -n 's/^server=//p' "$dir/passwords")
  worker=$(sed -n 's/^worker=//p' "$dir/passwords")
  broker=$(sed -n 's/^broker=//p' "$dir/passwords")
  # Throw-away brokers begin anywhere: two that start at once would find the same port free.
  port=19092
  [[ ${2:-} != --tests ]] || port=$((21000 + RANDOM % 9000))
  [[ ! -r $dir/bootstrap ]] || port=$(cut -d: -f2 "$dir/bootstrap")
  port=$(free_port "$port")
  controller=$(free_port $((port + 1)))
  echo "127.0.0.1:$port" >"$dir/bootstrap"
  for name in admin server worker; do kafka_client_properties "$dir" "$name"; done
  cp "$dir/admin.properties" "$dir/client.properties"
  # Where clients find the broker: at its port, unless something that stands between has a name in DIR/advertised.
  local advertised=127.0.0.1:$port
  [[ ! -r $dir/advertised ]] || advertised=$(<"$dir/advertised")
  local plain='org.apache.kafka.common.security.plain.PlainLoginModule required'
  write_private "$dir/broker.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=SASL_PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=SASL_PLAINTEXT://$advertised
listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=$plain username="broker" password="$broker" user_broker="$broker" user_admin="$admin" user_server="$server" user_worker="$worker";
listener.name.controller.plain.sasl.jaas.config=$plain username="broker" password="$broker" user_broker="$broker";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:admin
allow.everyone.if.no.acl.found=false
log.dirs=$dir/data
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
END
}

kafka_answers() { python3 "$infra_dir/local/kafka_acls.py" --properties "$1/admin.properties" --ping; }

# kafka_start DIR [--tests]: ready when it returns. --tests lets the server's account use any prefix, as each test has its own.
kafka_start() {
  local dir=$1 tests=${2:-}
  if process_is_up "$dir/broker.pid"; then return 0; fi
  kafka_jars
  kafka_configure "$dir" "$tests"
  if [[ ! -r $dir/data/meta.properties ]]; then
    step "Kafka: formatting $dir/data"
    local id
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    # A cluster id may not begin with a dash: tools would take it for an option.
    kafka_java -Xmx128m kafka.tools.StorageTool format -t "k${id:1}" -c "$dir/broker.properties" >"$dir/format.log" 2>&1 ||
      { cat "$dir/format.log" >&2; fail "Kafka: its storage could not be formatted"; }
  fi
  step "Kafka: starting the broker on $(<"$dir/bootstrap")"
  start_process "$dir/broker.pid" "$dir/broker.log" java -Xms256m -Xmx768m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
    -XX:TieredStopAtLevel=4 -Djava.awt.headless=true -Ddossier.kafka.log="$dir" -cp "$kafka_libs:$kafka_libs/*" \
    kafka.Kafka "$dir/broker.properties"
  wait_until 60 "Kafka" "$dir/broker.pid" "$dir/broker.log" kafka_answers "$dir"
  kafka_grant "$dir" dossier
  if [[ $tests == --tests ]]; then
    python3 "$infra_dir/local/kafka_acls.py" --properties "$dir/admin.properties" --any-prefix ||
      fail "Kafka: the ACLs could not be made"
  fi
  step "Kafka: ready on $(<"$dir/bootstrap")"
}

kafka_grant() {  # DIR PREFIX: what the accounts server and worker may do with the topics of one installation
  python3 "$infra_dir/local/kafka_acls.py" --properties "$1/admin.properties" --prefix "$2" ||
    fail "Kafka: the ACLs for $2 could not be made"
}

kafka_stop() { stop_process "$1/broker.pid" "Kafka" 30; }
