/* NAS EP as one would write it by hand: the batches in equal parts, a reduction at the end. Prints seconds of wall
 * time. It calls the compiled function that Rankine's kernel calls. usage: mpirun -n N ep_mpi LOG2_OF_PAIRS */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ep_batch.h"

static ep_sums compute(uint64_t first, uint64_t end) {
    ep_sums mine = {0}, batch;
    for (uint64_t b = first; b < end; b++) {
        ep_batch(b, &batch);
        mine.sx += batch.sx;
        mine.sy += batch.sy;
        for (int l = 0; l < EP_ANNULI; l++)
            mine.counts[l] += batch.counts[l];
    }
    return mine;
}

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    uint64_t batches = UINT64_C(1) << ((argc > 1 ? strtoul(argv[1], NULL, 10) : 28) - EP_BATCH_LOG2);
    MPI_Barrier(MPI_COMM_WORLD);
    double begin = MPI_Wtime(), sums[2];
    ep_sums mine = compute(batches * (uint64_t)rank / (uint64_t)size, batches * (uint64_t)(rank + 1) / (uint64_t)size);
    uint64_t counts[EP_ANNULI];
    MPI_Reduce((double[]){mine.sx, mine.sy}, sums, 2, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    MPI_Reduce(mine.counts, counts, EP_ANNULI, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%.6f\n", MPI_Wtime() - begin);
    MPI_Finalize();
    return 0;
}
