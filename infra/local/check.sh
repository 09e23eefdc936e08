# ./dev check and ./dev fmt: what a machine can say about the sources without running them. Sourced by ./dev.

check_cpp_files() { git -C "$checkout" ls-files -co --exclude-standard -- '*.cpp' '*.hpp'; }

check_format() {
  local files
  mapfile -t files < <(check_cpp_files)
  (cd "$checkout" && clang-format-19 --dry-run -Werror "${files[@]}")
}

# api/http is left out: clang-tidy does not parse coroutines with GCC 12's library.
check_tidy() {
  packages_install run build test
  cmake -S "$checkout" -B "$checkout/build/check" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DDOSSIER_BATCH=OFF >/dev/null
  # The generated protobuf headers must exist before anything that includes them is parsed.
  ninja -C "$checkout/build/check" dossier_schemas >/dev/null
  (cd "$checkout" && check_cpp_files | grep '\.cpp$' | grep -v '^api/http/' |
    xargs -P "$(nproc)" -n 4 nice clang-tidy-19 --quiet -p build/check --extra-arg-before=-Wno-unknown-warning-option 2>/dev/null)
}

check_shell() {
  (cd "$checkout" && shellcheck -s bash -e SC1091,SC2154,SC2174 dev .ci/run infra/local/*.sh infra/demo/*.sh)
}

check_one() {  # NAME COMMAND…
  local name=$1 began=$SECONDS
  shift
  step "Check: $name"
  if "$@"; then
    step "Check: $name holds ($((SECONDS - began)) s)"
  else
    step "Check: $name FAILS ($((SECONDS - began)) s)"
    check_failed+=("$name")
  fi
}

dev_check() {
  packages_install check
  check_failed=()
  check_one "house rules" python3 "$checkout/tests/house_rules/run.py"
  check_one "shell scripts" check_shell
  check_one "format" check_format
  check_one "clang-tidy" check_tidy
  ((${#check_failed[@]} == 0)) || fail "failed: ${check_failed[*]}"
  step "all checks hold"
}

dev_fmt() {  # [FILE…]
  packages_install check
  local files=("$@")
  ((${#files[@]} > 0)) || mapfile -t files < <(check_cpp_files)
  (cd "$checkout" && clang-format-19 -i "${files[@]}")
}
