#!/bin/sh
# script-test.sh SCRATCH SCRIPT [ARG...]: run a test script in the empty directory SCRATCH, and fail if it fails or leaves
# something behind: a process (known by a mark in its environment) or shared memory (/dev/shm/rankine*, made since the
# start, that no living process maps). Both get a few seconds to go, since a killed rank outlives its mpirun a little.
set -u
scratch=$1 script=$2
shift 2
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
: >.started
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

memory() {
    find /dev/shm -maxdepth 1 -name 'rankine*' -newer .started 2>/dev/null | while read -r file; do
        grep -qsF "$file" /proc/[0-9]*/maps || echo "$file"
    done
}

tries=50
while [ -n "$(processes)$(memory)" ] && [ $tries -gt 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
done
for pid in $(processes); do
    echo "left behind: process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    kill -KILL "$pid"
    status=1
done
for file in $(memory); do
    echo "left behind: shared memory $file"
    rm -f "$file"
    status=1
done
exit $status
