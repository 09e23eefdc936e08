# ./dev check and ./dev fmt: what a machine can say about the sources without running them. Sourced by ./dev.

check_cpp_files() { git -C "$checkout" ls-files -co --exclude-standard -- '*.cpp' '*.hpp'; }

check_format() {
  local files
  mapfile -t files < <(check_cpp_files)
  (cd "$checkout" && clang-format-19 --dry-run -Werror "${files[@]}")
}

# Sources as the compilers get them, several in one where they are compiled so: what each includes is parsed once. Left out are
# api/http, whose coroutines clang-tidy does not parse with GCC 12's library, and what is generated.
check_sources() {  # TREE
  python3 - "$1" <<'END'
import json, re, sys
files = {entry["file"] for entry in json.load(open(sys.argv[1] + "/compile_commands.json"))}
for file in sorted(files):
    text = file + (open(file).read() if "/Unity/" in file else "")
    if not re.search(r"/api/http/|cmake_pch|/generated/|/sql_files\.cpp|/cmake/precompiled", text):
        print(file)
END
}

check_tidy_tree() {  # NAME BATCH CHECKS
  local tree=$checkout/build/$1
  cmake -S "$checkout" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DDOSSIER_BATCH="$2" >/dev/null
  # The generated protobuf headers must exist before anything that includes them is parsed.
  nice ninja -C "$tree" dossier_schemas >/dev/null
  # GCC judges these better: it knows that libgit2's initializers leave nothing out.
  check_sources "$tree" | xargs -P "$(nproc)" -n 1 nice clang-tidy-19 --quiet -p "$tree" --checks="$3" \
    --extra-arg-before=-Wno-unknown-warning-option --extra-arg=-isystem"$tree/schemas/generated" --extra-arg=-Wno-missing-field-initializers \
    --extra-arg=-Wno-deprecated-declarations 2>/dev/null
}

check_tidy() { check_tidy_tree check ON '-clang-analyzer-*'; }

# Of one file at a time, since it looks at no function of what a file includes: for an hour and more.
check_analyzer() { check_tidy_tree check-each OFF '-*,clang-analyzer-*,-clang-analyzer-optin.performance.Padding'; }

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

dev_check() {  # [--all]
  [[ $# == 0 || ($# == 1 && $1 == --all) ]] || fail "there is only one option: --all"
  packages_install run build test
  packages_install check
  check_failed=()
  check_one "house rules" python3 "$checkout/tests/house_rules/run.py"
  check_one "shell scripts" check_shell
  check_one "format" check_format
  check_one "clang-tidy" check_tidy
  [[ ${1:-} != --all ]] || check_one "clang's analyzer" check_analyzer
  ((${#check_failed[@]} == 0)) || fail "failed: ${check_failed[*]}"
  step "all checks hold"
}

dev_fmt() {  # [FILE…]
  packages_install check
  local files=("$@")
  ((${#files[@]} > 0)) || mapfile -t files < <(check_cpp_files)
  (cd "$checkout" && clang-format-19 -i "${files[@]}")
}
