/* What OpenMP's schedule(dynamic, 1) takes for a task that does nothing: nanoseconds of wall time per task.
 * usage: openmp_empty TASKS THREADS */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Called through a pointer that the compiler cannot see through, as a kernel is. */
static int nothing(uint64_t task) {
    (void)task;
    return 0;
}
static int (*volatile body)(uint64_t) = nothing;

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: openmp_empty TASKS THREADS\n");
        return 2;
    }
    int64_t tasks = strtoll(argv[1], NULL, 10);
    int threads = (int)strtol(argv[2], NULL, 10), failed = 0;
    double begin = omp_get_wtime();
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) reduction(+ : failed)
    for (int64_t i = 0; i < tasks; i++)
        failed += body((uint64_t)i);
    printf("%.3f\n", (omp_get_wtime() - begin) * 1e9 / (double)tasks);
    return failed != 0;
}
