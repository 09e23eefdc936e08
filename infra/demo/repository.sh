#!/usr/bin/env bash
# Makes the demo's git repository in the folder given: a small program with a fault and the test that shows it.
set -euo pipefail
dir=$1
[[ ! -d $dir/.git ]] || exit 0
mkdir -p "$dir"
cd "$dir"
cat >greet.sh <<'END'
#!/usr/bin/env bash
# Greets the one who is named.
greet() { printf 'Hello, %s!\n' "$1"; }
greet $1
END
cat >test.sh <<'END'
#!/usr/bin/env bash
# Runs greet.sh and compares what it says.
failed=0
expect() {
  if [[ $(./greet.sh "$1") == "$2" ]]; then echo "ok      $2"; else echo "FAILED  $2, got: $(./greet.sh "$1")"; failed=1; fi
}
expect Ada "Hello, Ada!"
expect "Grace Hopper" "Hello, Grace Hopper!"
exit $failed
END
printf '# Changes\n' >CHANGES.md
chmod 755 greet.sh test.sh
git init -q -b main
git add -A
git -c user.name=Dossier -c user.email=demo@localhost commit -q -m "Greet the one who is named"
