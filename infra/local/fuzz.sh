# ./dev fuzz: the parsers of foreign bytes under libFuzzer, by clang. Sourced by ./dev after common.sh, packages.sh, build.sh.

fuzz_seconds=60
fuzz_rss_mb=1024
fuzz_max_len=16384  # bytes of one input
fuzz_timeout=10     # seconds for one input, beyond which it counts as a hang

fuzz_names() { sed -n 's/^set(fuzz_targets \(.*\))$/\1/p' "$checkout/tests/fuzz/CMakeLists.txt"; }

fuzz_build() {  # TARGET…
  local tree=$checkout/build/fuzz log=$checkout/build/fuzz/dev-build.log
  mkdir -p "$tree"
  export CCACHE_DIR=${CCACHE_DIR:-$checkout/.local/ccache} CCACHE_BASEDIR=$checkout CCACHE_NOHASHDIR=1
  step "Fuzz: building ${*} with clang"
  if ! fuzz_compile "$tree" "$@" 2>&1 | tee "$log" | build_progress; then
    grep -A 20 -m 3 -E 'FAILED|rror:' "$log" >&2 || tail -n 40 "$log" >&2
    fail "Fuzz: the build failed; its log: $log"
  fi
}

fuzz_compile() {  # TREE TARGET…
  local tree=$1
  shift
  cmake -S "$checkout" -B "$tree" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DDOSSIER_SANITIZE=fuzzer -DDOSSIER_TESTS=OFF -DDOSSIER_BENCH=OFF || return
  NINJA_STATUS='[%f/%t] ' nice ninja -C "$tree" "${@/#/dossier_fuzz_}"
}

# What was found new stays in .local/fuzz/<target>/corpus and is where the next run goes on; a crash's input lies beside it.
fuzz_run() {  # TARGET SECONDS
  local target=$1 seconds=$2 folder=$checkout/.local/fuzz/$1
  mkdir -p "$folder/corpus"
  local log=$folder/log status=0
  nice "$checkout/build/fuzz/tests/fuzz/dossier_fuzz_$target" -max_total_time="$seconds" -timeout=$fuzz_timeout \
    -rss_limit_mb=$fuzz_rss_mb -max_len=$fuzz_max_len -print_final_stats=1 -artifact_prefix="$folder/" \
    "$folder/corpus" "$checkout/tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
  local runs new
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  new=$(sed -n 's/^stat::new_units_added: *//p' "$log")
  if ((status == 0)); then
    step "Fuzz: $target held for ${runs:-?} inputs, ${new:-?} of them new"
    return 0
  fi
  tail -n 40 "$log" >&2
  step "Fuzz: $target BROKE; the input: $(grep -o 'Test unit written to .*' "$log" | tail -n 1 | cut -d' ' -f5)"
  step "  copy it to tests/fuzz/corpus/$target/ under a name that says what it is, and mend: the unit tier runs it from then on"
  return 1
}

dev_fuzz() {  # [TARGET…] [--seconds N]
  local names=() known
  known=$(fuzz_names)
  while (($# > 0)); do
    case $1 in
      --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--seconds wants a number"
        fuzz_seconds=$2
        shift
        ;;
      *)
        [[ " $known " == *" $1 "* ]] || fail "unknown target $1; there are: $known"
        names+=("$1")
        ;;
    esac
    shift
  done
  ((${#names[@]} > 0)) || read -ra names <<<"$known"
  packages_install run build fuzz
  fuzz_build "${names[@]}"
  local name broken=0
  for name in "${names[@]}"; do
    fuzz_run "$name" "$fuzz_seconds" || broken=1
  done
  return $broken
}
