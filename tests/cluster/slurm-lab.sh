#!/bin/bash
# slurm-lab.sh: a private SLURM cluster of virtual nodes on this one machine, for tests.
#
#   slurm-lab.sh start [OPTIONS] [DIR]   set it up and start it; prints DIR
#   slurm-lab.sh env   [DIR]             the export lines that make sbatch, srun, ... use it
#   slurm-lab.sh status [DIR]            what runs
#   slurm-lab.sh stop  [--keep] [DIR]    end its jobs and daemons; removes DIR unless --keep
#   slurm-lab.sh crash DIR NODE          a virtual node loses power: all its processes get SIGKILL
#   slurm-lab.sh boot  DIR NODE          start it again
#   slurm-lab.sh rsh   NODE COMMAND...   run a shell command on it, as rsh would; for mpirun outside
#                                        of a job: --mca plm_rsh_agent "$(realpath slurm-lab.sh) rsh"
#
# start's OPTIONS
#   -n NODES     virtual nodes n1..nNODES                                  (2)
#   -c CPUS      CPUs that each node claims to have, whatever is there     (4)
#   -p PORT      slurmctld's port; node i has PORT+i          (a free range)
#   -o LINE      one more line for slurm.conf, such as -o KillWait=30; may be repeated
#   --no-ns      nodes share the host's name, /dev/shm and process table
#
# DIR is start's to make, new or empty (default: a new directory under ${TMPDIR:-/tmp}); for the
# others it defaults to $SLURM_LAB_DIR, which env sets.  Typical use:
#
#   dir=$(slurm-lab.sh start -n 3) || exit; trap 'slurm-lab.sh stop "$dir"' EXIT
#   eval "$(slurm-lab.sh env "$dir")"
#   srun -N3 hostname
#
# A job that was requeued waits 2 minutes (Reason=BeginTime).  To start it earlier: when squeue
# says PENDING, sleep 2, then scontrol update jobid=JOB StartTime=now (sooner than that, and slurmd
# refuses it: Job credential revoked).  To let a time limit of a minute or more run out earlier:
# scontrol update jobid=JOB EndTime=now+5; slurmctld looks for ended time limits every 30 s.
#
# Runs as root, without systemd, cgroups, ssh, a database or any network but 127.0.0.1.  Each
# virtual node is a slurmd in UTS, mount and PID namespaces of its own, so that it has its own
# hostname and /dev/shm (Open MPI tells nodes apart by them) and can be ended as a whole.
set -euo pipefail

me=${0##*/}
say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }

# ---------------------------------------------------------------- small things

# alive PID: it runs (a zombie that init hasn't reaped yet does not)
alive()
{
    local s
    s=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 1
    [[ -n $s && $s != Z && $s != X ]]
}

# within SECONDS COMMAND...: repeat the command until it succeeds
within()
{
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# pid_of NAME: what spawn noted, if it is still that process
pid_of()
{
    local pid start
    read -r pid start 2>/dev/null <"$dir/run/$1" || return 1
    alive "$pid" && [[ $(start_of "$pid") == "$start" ]] && echo "$pid"
}
start_of() { local s; s=$(<"/proc/$1/stat") && read -ra s <<<"${s##*) }" && echo "${s[19]}"; }
running() { pid_of "$1" >/dev/null; }
not_running() { ! running "$1"; }

# spawn NAME COMMAND...: start a daemon in a session of its own, log to log/NAME.out, note its pid
spawn()
{
    local name=$1 pid fd
    shift
    (
        # hold none of the caller's pipes open
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
        done
        exec setsid "$@" </dev/null >>"$dir/log/$name.out" 2>&1
    ) &
    pid=$!
    disown
    echo "$pid $(start_of "$pid" 2>/dev/null)" >"$dir/run/$name"
}

# reap NAME SECONDS: wait for it to end, then make it
reap()
{
    within "$2" not_running "$1" || {
        kill -KILL "$(pid_of "$1")" 2>/dev/null || :
        within 5 not_running "$1" || say "$1 won't end"
    }
    rm -f "$dir/run/$1"
}

free_port() { ! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_range()    # NODES: a base with NODES+1 free ports, below the kernel's ephemeral ports
{
    local try base i
    for try in {1..50}; do
        base=$((20000 + RANDOM % 10000))
        for ((i = 0; i <= $1; i++)); do
            free_port $((base + i)) || continue 2
        done
        echo "$base"
        return
    done
    return 1
}

need()
{
    local c miss=
    for c in munged slurmctld slurmd scontrol sinfo squeue scancel setsid unshare mount hostname; do
        command -v "$c" >/dev/null || miss+=" $c"
    done
    [[ -z $miss ]] || die "not found:$miss; Debian has them in slurm-wlm, munge and libpmix-dev"
    [[ $(id -u) == 0 ]] || die "must run as root"
}

lab()    # [DIR]: the lab that a command is about
{
    dir=${1:-${SLURM_LAB_DIR:-}}
    [[ -n $dir ]] || die "which lab? give its directory, or set SLURM_LAB_DIR"
    [[ -f $dir/etc/slurm.conf && -f $dir/etc/lab ]] || die "$dir is no lab of $me"
    dir=$(cd "$dir" && pwd -P)
    export SLURM_CONF=$dir/etc/slurm.conf
    . "$dir/etc/lab"    # nodes= ns=
}

logs() { local f; for f in "$dir"/log/*; do [[ -s $f ]] && { say "--- $f"; tail -n 15 "$f" >&2; }; done; }

fail()    # in start: say why, show the logs, leave nothing running
{
    say "$*"
    logs
    down || :
    say "left for a look: $dir"
    exit 1
}

# ---------------------------------------------------------------- start

write_conf()
{
    local host mem i
    host=$(hostname)
    mem=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
    # Node memory is only for --mem to be accepted: nothing enforces it.
    cat <<EOF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/socket
# listen on 127.0.0.1 only
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.%n.log
# PMIx makes TmpFS/spmix_appdir_UID_JOB.STEP on each node: must not be shared
TmpFS=$dir/tmp/%n
SlurmctldDebug=info
SlurmdDebug=info
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=pmix
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
# start jobs at once, not up to 3 (main) or 30 (backfill) seconds later
SchedulerParameters=batch_sched_delay=0,sched_min_interval=10000,sched_interval=2,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
# from SIGTERM to SIGKILL (Slurm's default is 30)
KillWait=10
# keep ended jobs for scontrol show job
MinJobAge=3600
# for a machine that is busy with other things
MessageTimeout=60
TCPTimeout=10
BatchStartTimeout=60
EOF
    for ((i = 1; i <= nodes; i++)); do
        echo "NodeName=n$i NodeHostname=$( ((ns)) && echo "n$i" || echo "$host") NodeAddr=127.0.0.1" \
            "Port=$((port + i)) CPUs=$cpus RealMemory=$mem State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
    ((${#extra[@]})) && printf '%s\n' "${extra[@]}" || :
}

start_node()    # NODE
{
    mkdir -p "$dir/spool/$1" "$dir/tmp/$1"
    chmod 1777 "$dir/tmp/$1"
    if ((ns)); then
        # sh, as process 1 of the namespace, reaps orphans and leaves when slurmd does
        spawn "slurmd.$1" unshare --uts --mount --propagation slave --pid --fork --kill-child --mount-proc \
            sh -euc 'hostname "$1"
                mount --bind "$2/etc/hosts" /etc/hosts
                mount -t tmpfs -o mode=1777 tmpfs /dev/shm
                slurmd -D -N "$1" -f "$SLURM_CONF" & wait $!' sh "$1" "$dir"
    else
        spawn "slurmd.$1" slurmd -D -N "$1" -f "$SLURM_CONF"
    fi
}

munge_up() { munge -S "$dir/munge/socket" -n 2>/dev/null | unmunge -S "$dir/munge/socket" >/dev/null 2>&1; }
munge_up_or_dead() { munge_up || not_running munged; }
idle() { [[ $(sinfo -h -N -o '%N %t' 2>/dev/null | sort -u | grep -c ' idle$') == "$nodes" ]]; }
up_or_dead()    # all nodes idle, or a daemon gone
{
    local n
    idle && return
    running slurmctld || return 0
    for ((n = 1; n <= nodes; n++)); do running "slurmd.n$n" || return 0; done
    return 1
}

start()
{
    local cpus=4 port= extra=() i t0=$SECONDS
    nodes=2 ns=1 dir=
    while (($#)); do
        case $1 in
        -n | -c | -p | -o)
            (($# > 1)) || usage
            case $1 in -n) nodes=$2 ;; -c) cpus=$2 ;; -p) port=$2 ;; -o) extra+=("$2") ;; esac
            shift
            ;;
        --no-ns) ns=0 ;;
        -*) usage ;;
        *) [[ -z $dir ]] || usage; dir=$1 ;;
        esac
        shift
    done
    [[ $nodes =~ ^[1-9][0-9]?$ && $cpus =~ ^[1-9][0-9]*$ && $port =~ ^[0-9]*$ ]] || usage
    need
    if ((ns)) && ! unshare --uts --mount --pid --fork --mount-proc true 2>/dev/null; then
        say "no right to make namespaces here: going on as with --no-ns"
        ns=0
    fi
    if [[ -n $port ]]; then
        for ((i = 0; i <= nodes; i++)); do
            free_port $((port + i)) || die "port $((port + i)) is taken"
        done
    else
        port=$(free_range "$nodes") || die "found no free ports"
    fi
    if [[ -z $dir ]]; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/slurm-lab.XXXXXX")
    else
        mkdir -p "$dir"
        [[ -z $(ls -A "$dir") ]] || die "$dir is not empty"
    fi
    dir=$(cd "$dir" && pwd -P)
    # Unix sockets live under it (108 bytes at most: DIR/spool/n99_12345.4294967291 and so on)
    ((${#dir} <= 60)) || die "$dir: too long a path (60 bytes at most)"
    [[ $dir != *[[:space:]]* ]] || die "$dir: no blanks, please"

    umask 022
    chmod 755 "$dir"        # jobs of other users must get in
    mkdir "$dir"/{etc,log,munge,run,spool,state,tmp}
    chmod 1777 "$dir/tmp"
    export SLURM_CONF=$dir/etc/slurm.conf
    printf 'nodes=%d\nns=%d\n' "$nodes" "$ns" >"$dir/etc/lab"
    write_conf >"$SLURM_CONF"
    # Or else slurmd guesses the cgroup version, and where it finds version 2 it wants systemd.
    echo 'CgroupPlugin=cgroup/v1' >"$dir/etc/cgroup.conf"
    # Slurm 22.05's default, "mixed", uses the tree for PMIx fences without data (the barriers in
    # MPI_Init and MPI_Finalize), and with fewer nodes than TreeWidth its tree waits for no other
    # node: now and then a message arrives before MPI_Init is done, and the rank crashes.
    echo 'PMIxCollFence=ring' >"$dir/etc/mpi.conf"
    {
        cat /etc/hosts
        for ((i = 1; i <= nodes; i++)); do echo "127.0.0.1 n$i"; done
    } >"$dir/etc/hosts"
    (umask 077 && head -c 128 /dev/urandom >"$dir/munge/key" && chmod 400 "$dir/munge/key")

    spawn munged munged --foreground --num-threads=2 --socket="$dir/munge/socket" \
        --key-file="$dir/munge/key" --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed"
    within 10 munge_up_or_dead && running munged || fail "munged did not start"
    spawn slurmctld slurmctld -D -f "$SLURM_CONF"
    for ((i = 1; i <= nodes; i++)); do start_node "n$i"; done
    within 60 up_or_dead && idle || fail "the cluster did not come up"
    say "$nodes nodes of $cpus CPUs, ports $port-$((port + nodes)), up in $((SECONDS - t0)) s"
    echo "$dir"
}

# ---------------------------------------------------------------- stop

no_jobs() { [[ -z $(squeue -h -o %A 2>/dev/null) ]]; }

# what slurmd started with --no-ns, and so outlives it: it has this lab's SLURM_CONF
strays()
{
    local p e
    for p in /proc/[0-9]*; do
        e=$(tr '\0' '\n' 2>/dev/null <"$p/environ") && grep -qxF "SLURM_CONF=$SLURM_CONF" <<<"$e" || continue
        grep -q '^SLURMD_NODENAME=' <<<"$e" || [[ $(cat "$p/comm" 2>/dev/null) == slurmstepd ]] || continue
        [[ ${p#/proc/} == "$$" ]] || echo "${p#/proc/}"
    done
}

down()
{
    local i p jobs
    if running slurmctld && running munged; then
        jobs=$(timeout 10 squeue -h -o %A 2>/dev/null | sort -u) || :
        if [[ -n $jobs ]]; then
            xargs timeout 10 scancel <<<"$jobs" 2>/dev/null || :
            within 2 no_jobs || :
        fi
        # When a node's slurmd goes, so does its namespace, with all that still runs there.
        timeout 10 scontrol shutdown >/dev/null 2>&1 || :
    fi
    reap slurmctld 5
    # slurmd may wait out KillWait for a job's end; nothing here is worth that
    for ((i = 1; i <= nodes; i++)); do reap "slurmd.n$i" $((i == 1)); done
    ((ns)) || for p in $(strays); do kill -KILL "$p" 2>/dev/null || :; done
    running munged && munged --stop --socket="$dir/munge/socket" >/dev/null 2>&1 || :
    reap munged 2
}

stop()
{
    local keep=
    [[ ${1:-} != --keep ]] || { keep=1; shift; }
    (($# <= 1)) || usage
    lab "$@"
    down
    [[ $keep ]] || rm -rf "$dir"
}

# ---------------------------------------------------------------- the rest

env_lines()
{
    local v
    lab "$@"
    for v in SLURM_LAB_DIR="$dir" SLURM_CONF="$SLURM_CONF" \
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_btl_tcp_if_include=lo \
        OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1 \
        OMPI_MCA_orte_tmpdir_base="$dir/tmp"; do
        printf 'export %s=%q\n' "${v%%=*}" "${v#*=}"
    done
    # "nodes" with one /dev/shm and one hostname: shared-memory segments would have the same names
    ((ns)) || echo 'export OMPI_MCA_btl=self,tcp'
}

status()
{
    local d rc=0
    lab "$@"
    for d in munged slurmctld $(seq -f 'slurmd.n%g' "$nodes"); do
        running "$d" && echo "$d: runs ($(pid_of "$d"))" || { echo "$d: does not run"; rc=1; }
    done
    timeout 10 sinfo && timeout 10 squeue || rc=1
    return $rc
}

node_arg() { [[ ${1:-} =~ ^n[0-9]+$ ]] && ((${1#n} >= 1 && ${1#n} <= nodes)) || die "no such node: ${1:-}"; }

crash()
{
    (($# == 2)) || usage
    lab "$1"
    node_arg "$2"
    ((ns)) || die "crash needs nodes in namespaces"
    running "slurmd.$2" || die "$2 does not run"
    kill -KILL "$(pid_of "slurmd.$2")"    # unshare --kill-child takes the whole namespace with it
    reap "slurmd.$2" 5
}

back_or_dead() { [[ $(sinfo -h -n "$1" -o %t 2>/dev/null | sort -u) == idle ]] || not_running "slurmd.$1"; }

boot()
{
    (($# == 2)) || usage
    lab "$1"
    node_arg "$2"
    not_running "slurmd.$2" || die "$2 runs"
    rm -rf "$dir/spool/$2" "$dir/tmp/$2"
    start_node "$2"
    within 60 back_or_dead "$2" && running "slurmd.$2" ||
        { logs; die "$2 did not come up"; }
}

rsh()
{
    local p=
    (($# >= 2)) || usage
    lab
    node_arg "$1"
    p=$(pid_of "slurmd.$1") || die "$1 does not run"
    shift
    ((ns)) || exec sh -c "$*"
    p=$(<"/proc/$p/task/$p/children")
    exec nsenter --target "${p%% *}" --uts --mount --pid --wd="$PWD" sh -c "$*"
}

cmd=${1:-}
(($#)) && shift
case $cmd in
start) start "$@" ;;
stop) stop "$@" ;;
env) env_lines "$@" ;;
status) status "$@" ;;
crash) crash "$@" ;;
boot) boot "$@" ;;
rsh) rsh "$@" ;;
*) usage ;;
esac
