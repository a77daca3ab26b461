#!/bin/bash
# netns-cluster.sh: several virtual hosts on one machine, to see what a program does across hosts when there is only one.
#
#   up N                make node1 ... nodeN, joined by a switch (10.77.0.1 ... 10.77.0.N)
#   down                end everything in the nodes and remove them
#   guard               wait for the end of standard input, then down: whoever holds the other end may die as it likes
#   why-not             print why this machine allows no such hosts; nothing, and exit 0, if it does
#   exec NODE CMD...    run CMD in a node, in the current directory; mpirun there reaches all nodes
#   hostfile [SLOTS]    print an Open MPI hostfile of all nodes (default: NETNS_SLOTS)
#   latency MS|off      one-way delay of the switch
#   rate MBIT|off       limit of what each node sends
#   cut NODE, heal NODE             take its cable out, put it back
#   part NODE NODE, join NODE NODE  nothing passes between these two, though both reach all others; and back
#   freeze NODE, thaw NODE          SIGSTOP, SIGCONT to all its processes
#   poweroff NODE, boot NODE        cut it and kill all its processes; have it back
#   pids NODE           its processes
#
# NETNS_CLUSTER  name of the cluster (default nc): two names are two clusters, side by side
# NETNS_SLOTS    slots of each node in the hostfile (default 1)
# NETNS_PRIVATE  directories that are empty and the node's own in each node; all else is shared, as by NFS
# NETNS_SWITCH   program of switch.c, for latency where the kernel has no netem
#
# A node is a set of namespaces (network, host name, mounts, IPC), kept alive by a process that sleeps, its holder. The
# switch is a bridge in a network namespace of its own, the hub: nothing is made in the machine's own network. Each node
# has its own /dev/shm and TMPDIR. In place of ssh, Open MPI gets a script that enters the node, in a session of its own
# as sshd gives it: what it runs is not hung up with its caller. Needs root, iproute2 and util-linux.
set -u

NAME=${NETNS_CLUSTER:-nc}
SELF=${0##*/}
STATE=/run/netns-cluster-$NAME
HUB=$NAME-hub
SUBNET=10.77.0
SLOTS=${NETNS_SLOTS:-1}
MAX_NODES=64

die() { echo "$SELF: $*" >&2; exit 1; }
bounded() { timeout 10 "$@"; }
nodes() { [ -r "$STATE/n" ] && seq -f 'node%g' 1 "$(cat "$STATE/n")"; }
number() { echo "${1#node}"; }
namespace() { echo "$NAME-$1"; }
ports() { nodes | sed 's/node/p/'; } # of the switch
pids_in() { bounded ip netns pids "$1" 2>/dev/null; }

case $NAME in *[!A-Za-z0-9_]* | '') die "bad NETNS_CLUSTER '$NAME'" ;; esac

check_up() { [ -d "$STATE" ] || die "no cluster '$NAME' (make one: $SELF up N)"; }
check_node() {
    check_up
    nodes | grep -qx -- "$1" || die "no such node: $1"
}

# ---- a node's life ----

holder() { # its pid; failure if the node is off
    local pid
    pid=$(cat "$STATE/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    [ "$(stat -Lc %i "/proc/$pid/ns/net" 2>/dev/null)" = \
        "$(stat -Lc %i "/run/netns/$(namespace "$1")" 2>/dev/null)" ] && echo "$pid"
}

start_holder() {
    local node=$1
    rm -f "$STATE/$node.ready"
    setsid ip netns exec "$(namespace "$node")" unshare --mount --uts --ipc --propagation private sh -c '
        set -e; state=$1 node=$2 private=$3
        echo "$node" >/proc/sys/kernel/hostname
        mount --bind "$state/hosts" /etc/hosts
        mount -t tmpfs -o mode=1777,size=2g shm /dev/shm
        mount -t tmpfs -o mode=1777,size=2g tmp "$state/tmp"
        for directory in $private; do mount -t tmpfs -o mode=1777 private "$directory"; done
        echo $$ >"$state/$node.pid"
        : >"$state/$node.ready"
        exec sleep infinity' sh "$STATE" "$node" "${NETNS_PRIVATE:-}" </dev/null >"$STATE/$node.log" 2>&1 &
    disown
    for _ in $(seq 100); do
        [ -e "$STATE/$node.ready" ] && holder "$node" >/dev/null && return 0
        sleep 0.05
    done
    cat "$STATE/$node.log" >&2
    return 1
}

wait_for_link() { # the kernel tells of a carrier up to a second late; until then nothing gets through
    for _ in $(seq 100); do
        bounded ip -n "$(namespace "$1")" link show dev eth0 | grep -q 'state UP' && return 0
        sleep 0.05
    done
    echo "$SELF: no carrier on $1" >&2
    return 1
}

end_processes() { # of a namespace; ten seconds at most
    local pids
    for _ in $(seq 100); do
        pids=$(pids_in "$1")
        [ -z "$pids" ] && return 0
        # Word splitting is meant: pids.
        kill -KILL $pids 2>/dev/null
        sleep 0.1
    done
    return 1
}

without_ipv6() {
    bounded ip netns exec "$1" sh -c 'for which in all default; do
        echo 1 >/proc/sys/net/ipv6/conf/$which/disable_ipv6; done' 2>/dev/null
}

make_hub() {
    bounded ip netns add "$HUB" || return 1
    without_ipv6 "$HUB"
    bounded ip -n "$HUB" link add br0 type bridge stp_state 0 forward_delay 0 && bounded ip -n "$HUB" link set br0 up
}

make_node() { # make_node NUMBER
    local net port=p$1
    net=$(namespace "node$1")
    bounded ip netns add "$net" || return 1
    without_ipv6 "$net"
    bounded ip -n "$HUB" link add "$port" type veth peer name eth0 netns "$net" &&
        bounded ip -n "$HUB" link set "$port" master br0 up &&
        bounded ip -n "$net" addr add "$SUBNET.$1/24" dev eth0 &&
        bounded ip -n "$net" link set lo up && bounded ip -n "$net" link set eth0 up && start_holder "node$1"
}

# What mpirun calls in place of ssh. As there: a fresh environment, the words given to a shell in $HOME of the other
# host, and no word of the end of a host that cannot be reached any more.
write_rsh() {
    cat >"$STATE/rsh" <<END
#!/bin/sh
while :; do case "\$1" in -*) shift ;; *) break ;; esac; done
host=\$1; shift
pid=\$(cat "$STATE/\$host.pid" 2>/dev/null)
if [ -z "\$pid" ] || [ ! -e "/proc/\$pid" ] || [ -e "$STATE/\$host.cut" ]; then
    echo "rsh: connect to host \$host: No route to host" >&2; exit 255
fi
setsid -w nsenter -t "\$pid" --net --uts --ipc --mount -- env -i HOME="\${HOME:-/root}" USER="\${USER:-root}" \\
    LOGNAME="\${USER:-root}" SHELL=/bin/sh PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    TMPDIR="$STATE/tmp" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \\
    sh -c 'cd "\$HOME" 2>/dev/null || cd /; eval "\$1"' sh "\$*"
status=\$?
while [ -e "$STATE/\$host.cut" ] && kill -0 \$PPID 2>/dev/null; do sleep 0.5; done
exit \$status
END
    chmod 755 "$STATE/rsh"
}

write_state() { # write_state N
    mkdir "$STATE/tmp" && chmod 1777 "$STATE/tmp" && echo "$1" >"$STATE/n" || return 1
    echo "127.0.0.1 localhost" >"$STATE/hosts"
    for i in $(seq "$1"); do
        echo "$SUBNET.$i node$i" >>"$STATE/hosts"
        echo "node$i slots=$SLOTS" >>"$STATE/hostfile"
    done
    write_rsh
}

cmd_up() {
    local n=${1:-}
    case $n in '' | *[!0-9]*) die "usage: $SELF up N" ;; esac
    [ "$n" -ge 1 ] && [ "$n" -le $MAX_NODES ] || die "N is 1 ... $MAX_NODES"
    mkdir "$STATE" 2>/dev/null || die "cluster '$NAME' is up already (or $STATE is left over: $SELF down)"
    trap 'echo "$SELF: up failed, cleaning up" >&2; cmd_down' EXIT
    write_state "$n" && make_hub || exit 1
    for i in $(seq "$n"); do make_node "$i" || exit 1; done
    for node in $(nodes); do wait_for_link "$node" || exit 1; done
    trap - EXIT
}

cmd_down() {
    local status=0
    stop_switch
    for net in $(bounded ip netns list 2>/dev/null | awk '{print $1}' | grep -E "^$NAME-(hub|node[0-9]+)\$"); do
        end_processes "$net" || { echo "$SELF: left in $net: $(pids_in "$net" | tr '\n' ' ')" >&2; status=1; }
        bounded ip netns del "$net" || status=1
    done
    rm -rf --one-file-system "$STATE" || status=1
    return $status
}

cmd_guard() {
    cat >/dev/null
    [ ! -d "$STATE" ] || cmd_down
}

cmd_why_not() {
    [ "$(id -u)" = 0 ] || { echo "only root may make network namespaces"; return 1; }
    local missing='' net=$NAME-hub said
    for program in ip nsenter unshare setsid timeout; do
        command -v $program >/dev/null 2>&1 || missing="$missing $program"
    done
    [ -z "$missing" ] || { echo "missing programs:$missing (Debian: iproute2, util-linux, coreutils)"; return 1; }
    said=$(bounded ip netns add "$net" 2>&1 && bounded ip -n "$net" link add br0 type bridge 2>&1 &&
        bounded ip -n "$net" link add p0 type veth peer name p1 2>&1 &&
        bounded unshare --mount --uts --ipc --propagation private sh -c 'mount -t tmpfs tmp /tmp' 2>&1)
    local status=$?
    bounded ip netns del "$net" 2>/dev/null
    [ $status = 0 ] || { echo "no namespaces: $said"; return 1; }
}

# ---- using it ----

cmd_hostfile() {
    check_up
    for node in $(nodes); do echo "$node slots=${1:-$SLOTS}"; done
}

# No binding: each node believes that it has the whole machine to itself.
cmd_exec() {
    local node=${1:-} pid
    [ $# -gt 1 ] || die "usage: $SELF exec NODE CMD..."
    shift
    check_node "$node"
    pid=$(holder "$node") || die "$node is off"
    exec nsenter -t "$pid" --net --uts --ipc --mount -- env \
        TMPDIR="$STATE/tmp" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent="$STATE/rsh" OMPI_MCA_orte_default_hostfile="$STATE/hostfile" \
        OMPI_MCA_oob_tcp_if_include=eth0 OMPI_MCA_btl_tcp_if_include=eth0 \
        OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp \
        OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}" \
        OMPI_MCA_mpi_yield_when_idle=1 \
        sh -c 'cd "$1" 2>/dev/null || cd /; shift; exec "$@"' sh "$PWD" "$@"
}

stop_switch() {
    local pid
    pid=$(cat "$STATE/switch.pid" 2>/dev/null) || return 0
    if [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "${NETNS_SWITCH:-}" ]; then
        kill -KILL "$pid" 2>/dev/null
        for _ in $(seq 40); do
            [ -e "/proc/$pid" ] || break
            sleep 0.05
        done
    fi
    rm -f "$STATE/switch.pid"
}

# Back to the bridge, without any delay.
attach_ports() {
    stop_switch
    for port in $(ports); do
        bounded tc -n "$HUB" qdisc del dev "$port" root 2>/dev/null
        bounded ip -n "$HUB" link set "$port" master br0 || die "cannot attach $port"
    done
}

delay_by_kernel() { # each frame leaves the switch through one port: a delay there is the one-way delay
    for port in $(ports); do
        bounded tc -n "$HUB" qdisc add dev "$port" root netem delay "${1}us" limit 100000 2>/dev/null || return 1
    done
}

delay_by_switch() {
    [ -x "${NETNS_SWITCH:-}" ] || die "this kernel has no netem, and NETNS_SWITCH names no program of switch.c"
    for port in $(ports); do bounded ip -n "$HUB" link set "$port" nomaster || die "cannot detach $port"; done
    # Word splitting is meant: ports.
    setsid ip netns exec "$HUB" "$NETNS_SWITCH" "$1" $(ports) </dev/null >"$STATE/switch.log" 2>&1 &
    echo $! >"$STATE/switch.pid"
    disown
    for _ in $(seq 60); do
        grep -q '^ready' "$STATE/switch.log" && return 0
        sleep 0.05
    done
    cat "$STATE/switch.log" >&2
    attach_ports
    die "the switch did not start"
}

cmd_latency() {
    local ms=${1:-} us
    check_up
    [ "$ms" = off ] && ms=0
    us=$(awk -v m="$ms" 'BEGIN { if (m !~ /^[0-9]*\.?[0-9]+$/ || m > 10000) exit 1; printf "%d", m * 1000 + 0.5 }') ||
        die "usage: $SELF latency MS|off"
    attach_ports
    [ "$us" = 0 ] || delay_by_kernel "$us" || delay_by_switch "$us"
}

cmd_rate() {
    local mbit=${1:-} burst
    check_up
    [ "$mbit" = off ] && mbit=0
    case $mbit in '' | *[!0-9]*) die "usage: $SELF rate MBIT|off" ;; esac
    burst=$((mbit * 125 < 16000 ? 16000 : mbit * 125)) # a millisecond's worth
    for node in $(nodes); do
        if [ "$mbit" = 0 ]; then
            bounded tc -n "$(namespace "$node")" qdisc del dev eth0 root 2>/dev/null
        else
            bounded tc -n "$(namespace "$node")" qdisc replace dev eth0 root tbf rate "${mbit}mbit" burst $burst \
                latency 50ms || die "tbf failed in $node"
        fi
    done
}

# ---- what goes wrong ----

cmd_cut() {
    : >"$STATE/$1.cut"
    bounded ip -n "$HUB" link set "p$(number "$1")" down
}

# Address resolution that failed meanwhile would fail the next connect() too.
forget_neighbours() {
    local whose
    for node in $(nodes); do
        if [ "$node" = "$1" ]; then whose=; else whose="to $SUBNET.$(number "$1")"; fi
        # Word splitting is meant: two words or none.
        bounded ip -n "$(namespace "$node")" neigh flush $whose dev eth0 2>/dev/null
    done
    return 0
}

cmd_heal() {
    bounded ip -n "$HUB" link set "p$(number "$1")" up && rm -f "$STATE/$1.cut" && wait_for_link "$1" &&
        forget_neighbours "$1"
}

# Frames for the other go to an address that nobody has: dropped without a word, as by a firewall between the two.
cmd_part() {
    bounded ip -n "$(namespace "$1")" neigh replace "$SUBNET.$(number "$2")" lladdr 02:00:00:00:00:01 dev eth0 nud permanent &&
        bounded ip -n "$(namespace "$2")" neigh replace "$SUBNET.$(number "$1")" lladdr 02:00:00:00:00:01 dev eth0 nud permanent
}

cmd_join() {
    bounded ip -n "$(namespace "$1")" neigh del "$SUBNET.$(number "$2")" dev eth0
    bounded ip -n "$(namespace "$2")" neigh del "$SUBNET.$(number "$1")" dev eth0
}

cmd_pids() { pids_in "$(namespace "$1")" | grep -vx -- "$(holder "$1" || echo none)"; }

signal_all() { # signal_all SIGNAL NODE
    local pids
    pids=$(cmd_pids "$2")
    # Word splitting is meant: pids.
    [ -z "$pids" ] || kill "-$1" $pids
}

cmd_freeze() { signal_all STOP "$1"; }
cmd_thaw() { signal_all CONT "$1"; }
cmd_poweroff() { cmd_cut "$1"; end_processes "$(namespace "$1")"; }
cmd_boot() {
    holder "$1" >/dev/null && die "$1 is on"
    start_holder "$1" && cmd_heal "$1"
}

verb=${1:-}
shift 2>/dev/null
case $verb in
up | down | guard | hostfile | exec | latency | rate) "cmd_$verb" "$@" ;;
why-not) cmd_why_not ;;
cut | heal | freeze | thaw | poweroff | boot | pids)
    [ $# -eq 1 ] || die "usage: $SELF $verb NODE"
    check_node "$1"
    "cmd_$verb" "$1" ;;
part | join)
    [ $# -eq 2 ] || die "usage: $SELF $verb NODE NODE"
    check_node "$1"
    check_node "$2"
    "cmd_$verb" "$@" ;;
*)
    sed -n '2,/^set -u/p' "$0" | sed '$d; s/^# \{0,1\}//'
    exit 2 ;;
esac
