# Configure and build with CMake and Ninja. Sourced after common.sh.

build_progress() {  # a line each 15 s shows that it moves
  local line next=$((SECONDS + 15))
  while IFS= read -r line; do
    if ((SECONDS >= next)) && [[ $line == \[* ]]; then
      step "  ${line:0:110}"
      next=$((SECONDS + 15))
    fi
  done
}

# build_tree NAME TYPE SANITIZE TARGET…: build/<NAME>. Configured once; Ninja re-runs CMake when a list file changes. The
# tree "release" is the product alone: a machine that only runs it needs no test library. Benchmarks are built where they run.
build_tree() {
  local name=$1 type=$2 sanitize=$3 tests=ON bench=OFF
  shift 3
  [[ $name != release ]] || tests=OFF
  [[ $name != bench ]] || bench=ON
  local tree=$checkout/build/$name began=$SECONDS
  local log=$tree/dev-build.log
  mkdir -p "$tree"
  export CCACHE_DIR=${CCACHE_DIR:-$checkout/.local/ccache} CCACHE_BASEDIR=$checkout CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros  # without them it keeps nothing that uses a precompiled header
  local configured="$type $sanitize tests $tests benchmarks $bench"
  if [[ ! -r $tree/build.ninja || ! -r $tree/.configured || $(<"$tree/.configured") != "$configured" ]]; then
    step "Build: configuring build/$name ($type${sanitize:+, $sanitize sanitizer})"
    cmake -S "$checkout" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE="$type" -DDOSSIER_SANITIZE="$sanitize" \
      -DDOSSIER_TESTS=$tests -DDOSSIER_BENCH=$bench >"$log" 2>&1 || {
      tail -n 30 "$log" >&2
      fail "Build: CMake failed; its log: $log"
    }
    echo "$configured" >"$tree/.configured"
  fi
  step "Build: build/$name ${*:-everything} on $(nproc) cores"
  # In the foreground, so that Ctrl-C ends the compilers too. The whole output is in the log.
  NINJA_STATUS='[%f/%t] ' nice ninja -C "$tree" "$@" 2>&1 | tee "$log" | build_progress || {
    grep -A 20 -m 3 -E 'FAILED|error:' "$log" >&2 || tail -n 40 "$log" >&2
    fail "Build: failed; its log: $log"
  }
  step "Build: build/$name done in $((SECONDS - began)) s"
}
