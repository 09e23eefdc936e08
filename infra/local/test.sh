# ./dev test: build, start a throw-away Kafka and Postgres, run the tiers, report, and leave nothing running, also after
# Ctrl-C. Sourced by ./dev after common.sh, packages.sh, build.sh, kafka.sh, postgres.sh.

test_stack=
test_builder=

test_tear_down() {
  local status=$?
  trap '' INT TERM
  [[ -z $test_builder ]] || kill -TERM -- "-$test_builder" 2>/dev/null || true
  if [[ -n ${test_runner:-} ]]; then
    kill -TERM "$test_runner" 2>/dev/null || true
    wait "$test_runner" 2>/dev/null || true
  fi
  if [[ -n $test_stack ]]; then
    # Clusters which a test started for itself and, being killed, could not stop.
    local own mounted broker
    for own in "$test_stack"/tmp/*/own; do
      [[ -d $own ]] || continue
      kafka_stop "$own/kafka"
      postgres_stop "$own/postgres"
      for mounted in "$own/kafka/data" "$own/postgres"; do
        ! mountpoint -q "$mounted" || umount -l "$mounted"
      done
      remove_folder "$own/postgres"
    done
    for broker in "$test_stack"/tmp/*/trio/[123]; do
      [[ ! -d $broker ]] || stop_process "$broker/broker.pid" "${broker##*/} of three brokers" 5 KILL
    done
    kafka_stop "$test_stack/kafka"
    postgres_stop "$test_stack/postgres"
    if ((status == 0)) || [[ -z ${DOSSIER_KEEP_TEST_DIR:-} ]]; then
      remove_folder "$test_stack/postgres"
      rm -rf "$test_stack"
    else
      step "Kept: $test_stack"
    fi
  fi
  exit "$status"
}

# An existing Kafka is used as its admin and as its worker alike, unless the files of settings say otherwise.
test_external_kafka() {
  if [[ -z ${DOSSIER_KAFKA_PROPERTIES:-} ]]; then
    DOSSIER_KAFKA_PROPERTIES=$test_stack/kafka.properties
    echo "bootstrap.servers=$DOSSIER_KAFKA" | write_private "$DOSSIER_KAFKA_PROPERTIES"
  fi
  export DOSSIER_TEST_KAFKA_PROPERTIES=$DOSSIER_KAFKA_PROPERTIES
  export DOSSIER_TEST_SERVER_KAFKA_PROPERTIES=$DOSSIER_KAFKA_PROPERTIES
  export DOSSIER_TEST_WORKER_KAFKA_PROPERTIES=${DOSSIER_WORKER_KAFKA_PROPERTIES:-$DOSSIER_KAFKA_PROPERTIES}
}

test_start_stack() {
  mkdir -p -m 1777 "$test_stack/tmp"
  export TMPDIR=$test_stack/tmp  # what a killed test leaves goes with the rest
  if [[ -n ${DOSSIER_KAFKA:-} ]]; then
    test_external_kafka
  else
    kafka_start "$test_stack/kafka" --tests
    export DOSSIER_TEST_KAFKA_PROPERTIES=$test_stack/kafka/admin.properties
    export DOSSIER_TEST_SERVER_KAFKA_PROPERTIES=$test_stack/kafka/server.properties
    export DOSSIER_TEST_WORKER_KAFKA_PROPERTIES=$test_stack/kafka/worker.properties
    export DOSSIER_TEST_GRANT="python3 $infra_dir/local/kafka_acls.py --properties $test_stack/kafka/admin.properties --prefix"
  fi
  if [[ -n ${DOSSIER_DATABASE_URL:-} ]]; then
    export DOSSIER_TEST_DATABASE_URL=$DOSSIER_DATABASE_URL
  else
    postgres_start "$test_stack/postgres" --tests
    DOSSIER_TEST_DATABASE_URL=$(<"$test_stack/postgres/url")
    export DOSSIER_TEST_DATABASE_URL
  fi
  export DOSSIER_TEST_STACK=$test_stack
  # The tests name their servers themselves: what points at a running installation must not reach them.
  unset DOSSIER_KAFKA DOSSIER_KAFKA_PROPERTIES DOSSIER_WORKER_KAFKA_PROPERTIES DOSSIER_DATABASE_URL DOSSIER_URL DOSSIER_TOKEN \
    DOSSIER_PROFILE DOSSIER_LISTEN DOSSIER_ROLES DOSSIER_KEY_FILE DOSSIER_BLOB_DIR DOSSIER_TOPIC_PREFIX
}

# What kind of a whole run these arguments ask for: "short", "all", or nothing where they name a tier or a pattern.
test_whole() {  # ARGUMENT…
  local argument whole=short
  for argument in "$@"; do
    case $argument in
      --all) whole=all ;;
      --no-skips) ;;
      *) return 0 ;;
    esac
  done
  echo "$whole"
}

# A whole run goes once more through the sanitizers: address and undefined behaviour over what computes, and
# with --all threads over what has threads. Only those programs are built, the first tree while the tests run.
test_sanitized_trees() {  # TYPE short|all
  local type=$1 whole=$2
  test_build_behind "$type" address dossier_{unit,property,contract,simulation}_tests
  test_sanitized=(--asan "$checkout/build/asan" --asan-built "$test_behind")
  [[ $whole == all ]] || return 0
  build_tree tsan "$type" thread dossier dossier_{unit,contract,integration}_tests
  test_sanitized+=(--tsan "$checkout/build/tsan")
}

# build/asan behind the tests, which wait for most of their time: on processor time that nobody else wants, as a group of
# its own, so that it ends as a whole. Its exit status goes into the file $test_behind.
test_build_behind() {  # TYPE SANITIZE TARGET…
  local tree=$checkout/build/asan
  mkdir -p "$tree"
  test_behind=$tree/.built
  rm -f "$test_behind"
  set -m
  (
    trap - EXIT INT TERM
    set +e
    chrt --idle --pid 0 "$BASHPID" 2>/dev/null || renice 19 "$BASHPID" >/dev/null
    echo 19 2>/dev/null >/proc/self/autogroup
    (set -e; build_tree asan "$@") >"$tree/behind.log" 2>&1
    echo $? >"$test_behind.part"
    mv "$test_behind.part" "$test_behind"
  ) </dev/null &
  test_builder=$!
  set +m
}

dev_test() {  # SANITIZER-COMMAND [TIER…] [--all] [--no-skips] [--filter PATTERN]
  local sanitize=$1 tree=test type=RelWithDebInfo
  shift
  case $sanitize in
    asan) tree=asan sanitize=address ;;
    tsan) tree=tsan sanitize=thread ;;
  esac
  packages_install run build test
  local targets=() whole=
  [[ -n $sanitize ]] || whole=$(test_whole "$@")
  # What a whole run takes in the sanitized tree is not built twice.
  [[ $whole != short ]] || targets=(dossier dossier_{golden,simulation,integration,e2e,robustness,agents}_tests)
  build_tree "$tree" "$type" "$sanitize" "${targets[@]}"
  trap test_tear_down EXIT
  test_sanitized=()
  [[ -z $whole ]] || test_sanitized_trees "$type" "$whole"
  test_stack=$(mktemp -d "${TMPDIR:-/tmp}/dossier-test.XXXXXX")
  chmod 711 "$test_stack"  # Postgres runs as another account when this is root
  test_start_stack
  local prepared_ms=$(((${EPOCHREALTIME/./} - stack_began) / 1000))
  export DOSSIER_NPM_DIR=$checkout/.local/npm
  case $sanitize in
    address) export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1 LSAN_OPTIONS=suppressions=$infra_dir/local/leaks.supp ;;
    thread) export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$infra_dir/local/races.supp ;;
  esac
  # In the background with wait, so that a signal to this script ends it at once and not after the tier.
  python3 "$infra_dir/local/run_tiers.py" --build "$checkout/build/$tree" --source "$checkout" --prepared-ms "$prepared_ms" \
    --scratch "$test_stack" "${test_sanitized[@]}" "$@" &
  test_runner=$!
  local status=0
  wait "$test_runner" || status=$?
  test_runner=
  exit "$status"
}

# The chaos of the tier robustness alone, for any time: what fails when is drawn from the seed, which is printed.
dev_chaos() {  # [--minutes N] [--seed S]
  local minutes=10 seed=$((RANDOM * 32768 + RANDOM)) status=0
  while (($# > 0)); do
    case $1 in
      --minutes) minutes=${2:-} ;;
      --seed) seed=${2:-} ;;
      *) fail "unknown option $1; there are: --minutes N --seed S" ;;
    esac
    shift 2 || fail "$1 needs a number"
  done
  [[ $minutes =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ ]] || fail "--minutes and --seed are whole numbers"
  packages_install run build test
  build_tree test RelWithDebInfo "" dossier dossier_robustness_tests
  test_stack=$(mktemp -d "${TMPDIR:-/tmp}/dossier-chaos.XXXXXX")
  chmod 711 "$test_stack"
  trap test_tear_down EXIT
  mkdir -p -m 1777 "$test_stack/tmp"
  mkdir -p "$checkout/.local/chaos"
  export TMPDIR=$test_stack/tmp
  export DOSSIER_CHAOS_SEED=$seed DOSSIER_CHAOS_SECONDS=$((minutes * 60)) DOSSIER_CHAOS_DIR=$checkout/.local/chaos
  step "Chaos: seed $seed, $minutes minutes"
  "$checkout/build/test/tests/dossier_robustness_tests" --gtest_filter='Chaos.*' &
  test_runner=$!
  wait "$test_runner" || status=$?
  test_runner=
  ((status == 0)) || step "Again: ./dev chaos --minutes $minutes --seed $seed; every request is in $DOSSIER_CHAOS_DIR/chaos-$seed.ndjson"
  exit "$status"
}

# Every benchmark measures beside its limit on clusters of its own, which nothing else uses: build/bench/bench/dossier_bench
# takes names and --json FILE. --peers: other systems beside ours (bench/peers).
dev_bench() {
  local program=("$checkout/build/bench/bench/dossier_bench") status=0
  if [[ ${1:-} == --peers ]]; then
    shift
    program=(python3 "$checkout/bench/peers/peers.py")
    case " $* " in *" --help "* | *" -h "* | *" --list "*) exec "${program[@]}" "$@" ;; esac
  fi
  packages_install run build test
  build_tree bench Release "" dossier dossier_bench dossier_beside
  test_stack=$(mktemp -d "${TMPDIR:-/tmp}/dossier-bench.XXXXXX")
  chmod 711 "$test_stack"
  trap test_tear_down EXIT
  test_start_stack
  export DOSSIER_PROGRAM=$checkout/build/bench/app/dossier DOSSIER_BESIDE=$checkout/build/bench/bench/dossier_beside
  "${program[@]}" "$@" &
  test_runner=$!
  wait "$test_runner" || status=$?
  test_runner=
  exit "$status"
}
