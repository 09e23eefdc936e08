# ./dev sim: the simulation by itself, from seeds (docs/reliability.md). Sourced by ./dev after common.sh, packages.sh, build.sh.

dev_sim() {  # [--seed N | --seeds FROM-TO | --minutes M] [--mutation NAME|all]
  packages_install run build test
  build_tree test RelWithDebInfo "" dossier_simulation_tests
  "$checkout/build/test/tests/dossier_simulation_tests" sim "$@"
}
