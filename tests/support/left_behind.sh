# cmake/script-test.sh fails for what a test script leaves behind, and only for that. Argument: cmake/script-test.sh.
set -u
here=$(mktemp -d)
trap 'rm -rf "$here" "$memory"' EXIT
names=left-behind-$$ # its own, so that no other test's memory is taken for it
memory=/dev/shm/$names-1

expect() { # expect STATUS WORDS SCRIPT: run the script as a test
    printf '%s\n' "$3" >"$here/script.sh"
    RANKINE_TEST_MEMORY=$names RANKINE_TEST_PATIENCE=2 sh "$test" "$here/scratch" "$here/script.sh" >"$here/output" 2>&1
    status=$?
    if [ $status -ne "$1" ] || ! grep -q "$2" "$here/output"; then
        echo "exit $status instead of $1, or no '$2' in the output of: $3"
        cat "$here/output"
        exit 1
    fi
}

test=$1
expect 0 'fine' 'echo fine'
expect 3 'bad' 'echo bad; exit 3'
expect 0 'empty' 'ls -A | grep . || echo empty'
expect 0 'short' 'echo short; sleep 1 >/dev/null 2>&1 &'
expect 1 'left behind: process .*sleep 60' 'sleep 60 >/dev/null 2>&1 &'
if [ -d /dev/shm ]; then
    expect 1 "left behind: shared memory $memory" "echo x >$memory"
    rm -f "$memory"
    expect 0 "used" "echo used; echo x >$memory; (sleep 1; rm $memory) >/dev/null 2>&1 &"
fi
