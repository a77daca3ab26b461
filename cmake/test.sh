#!/bin/sh
# Install what Rankine needs, build it, run its tests.
set -eu
usage() {
    cat <<'TEXT'
usage: sh cmake/test.sh [--long] [--preset NAME] [-- CTEST-OPTION...]

Installs what is missing (apt as root or with sudo; elsewhere it says what is missing), builds, and runs the tests.

  --long          also the tests that take minutes
  --preset NAME   release (default, in build/), dev, asan or tsan (in build-NAME/)
  -h, --help      this text
  CTEST-OPTION    goes to ctest, such as -R unit
TEXT
}

long=0 preset=release
while [ $# -gt 0 ]; do
    case $1 in
    --long) long=1 ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    -h | --help) usage; exit 0 ;;
    --) shift; break ;;
    *) usage >&2; printf '\nunknown option: %s\n' "$1" >&2; exit 2 ;;
    esac
    shift
done

cd "$(dirname "$0")/.."
. cmake/setup.sh
build=build-$preset
[ "$preset" = release ] && build=build

setup_need "$build/packages.log" build test
setup_build "$preset" "$build" -DRANKINE_TESTS=ON
setup_say "Testing"
[ $long = 1 ] || set -- -LE long "$@"
# No exec: the first process of a container has to reap orphans, which sh does and ctest does not.
ctest --preset "$preset" -j "$(setup_jobs)" "$@"
