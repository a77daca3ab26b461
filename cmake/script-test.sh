#!/bin/sh
# script-test.sh SCRATCH SCRIPT [ARG...]: run a test script in the empty directory SCRATCH, and fail if it fails or leaves
# something behind:
# - a process, known by a mark in its environment;
# - shared memory, /dev/shm/rankine*: not there at the start, there at the end, used by no living process. It may be that
#   of another test that has just killed its ranks: such a test goes on and cleans up, so what we found gets time to go.
# RANKINE_TEST_MEMORY (rankine) and RANKINE_TEST_PATIENCE (20 s) are other names and another time for this, for its test.
set -u
scratch=$1 script=$2
shift 2
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
shared=/dev/shm/${RANKINE_TEST_MEMORY:-rankine}
memory() { # by name, since times go by the clock's tick: a quick test begins and ends in one
    find /dev/shm -maxdepth 1 -path "$shared*" 2>/dev/null
}
before=$(memory)
mark=RANKINE_TEST_RUN=$$.$(date +%s)

case $script:$(head -n 1 "$script") in
*.py:*) interpreter=$PYTHON ;;
*:*bash*) interpreter='bash' ;;
*) interpreter='sh' ;;
esac
env "$mark" "$interpreter" "$script" "$@"
status=$?

processes() {
    grep -slzxF "$mark" /proc/[0-9]*/environ | sed 's|/proc/||; s|/environ||' | grep -vx "$$"
}

unused() { # of the given paths, those that are there and that no living process maps or has open: one look at all of /proc
    used=$(grep -hosE "$shared[^ ]*" /proc/[0-9]*/maps
        find /proc/[0-9]*/fd -lname "$shared*" -printf '%l\n' 2>/dev/null)
    for path in "$@"; do
        case $used in
        *"$path"*) ;;
        *) [ ! -e "$path" ] || echo "$path" ;;
        esac
    done
}

# look SECONDS COMMAND...: run it until it has printed nothing twice (a process in the middle of exec shows no environment)
# or time is up; what it printed last is in $left.
look() {
    tries=$(($1 * 10)) clean=0
    shift
    while [ $tries -gt 0 ] && [ $clean -lt 2 ]; do
        left=$("$@")
        if [ -z "$left" ]; then clean=$((clean + 1)); else clean=0; fi
        sleep 0.1
        tries=$((tries - 1))
    done
}

look 5 processes # a killed rank outlives its mpirun a little
for pid in $left; do
    echo "left behind: process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    kill -KILL "$pid"
    status=1
done

# The names have no spaces in them.
# shellcheck disable=SC2046
look "${RANKINE_TEST_PATIENCE:-20}" unused $(memory | grep -vxF "$before")
for path in $left; do
    echo "left behind: shared memory $path"
    status=1
done
exit $status
