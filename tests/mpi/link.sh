#!/bin/sh
# Ranks that are killed with letters of ours unread, over TCP as between nodes: MPI does not take us along. With the
# room in a socket for which the library asks; with as little as one on Ethernet begins with, 46080 bytes, twice what is
# said here; and where the system chooses.
set -eu
program=$1
export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_btl_tcp_rcvbuf=2304

for ranks in 2 4; do
    for bytes in 262144 23040 0; do
        OMPI_MCA_btl_tcp_sndbuf=$bytes timeout 30 "$MPIRUN" --enable-recovery -n $ranks "$program" die \
            >output 2>errors || true # 137, as of the killed ranks
        grep -qx 'still there' output || {
            echo "$ranks ranks, OMPI_MCA_btl_tcp_sndbuf=$bytes: rank 0 is gone"
            tail errors
            exit 1
        }
    done
done
