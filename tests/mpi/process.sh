#!/bin/sh
# What a program prints comes once, and what its processes were is gone with it, however it ends.
set -eu
program=$1

"$program" >output
expect='once
said'
[ "$(cat output)" = "$expect" ] || { echo "printed: $(cat output)"; exit 1; }

"$program" helper
"$MPIRUN" -n 3 "$program" helper

wait_for_it() {
    until grep -q there output; do sleep 0.05; done
}
rm output
"$program" stay >output &
wait_for_it
kill -KILL $!
wait $! || true

: >output
"$MPIRUN" -n 3 "$program" stay >output 2>errors &
wait_for_it
kill -TERM $!
wait $! || true
