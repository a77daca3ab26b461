/* Seconds of an MPI ping-pong of 8 bytes between ranks 0 and 1. */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>

enum { WARM = 1000, TIMES = 100000 };

static void once(int rank, int64_t *x) {
    if (rank == 0)
        MPI_Send(x, 8, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
    MPI_Recv(x, 8, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (rank == 1)
        MPI_Send(x, 8, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
}

int main(int argc, char **argv) {
    int rank;
    int64_t x = 0;
    double begin = 0;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int i = -WARM; i < TIMES && rank < 2; i++) {
        if (i == 0)
            begin = MPI_Wtime();
        once(rank, &x);
    }
    if (rank == 0)
        printf("%.4g\n", (MPI_Wtime() - begin) / TIMES);
    MPI_Finalize();
    return 0;
}
