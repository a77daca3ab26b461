/* Rankine: the command `rankine` as a function, for programs that bring their own kernels.
 *
 *     #define RK_KERNEL_LINKED
 *     #include <rankine/kernel.h>
 *     #include <rankine/command.h>
 *
 *     RK_KERNEL(mine, ...)
 *
 *     int main(int argc, char **argv) {
 *         const rk_kernel *const kernels[] = {&rk_kernel_mine, NULL};
 *         return rk_command_main(argc, argv, kernels);
 *     }
 *
 * The program then is `rankine` with one kernel more: it is its own launcher and its own ranks. */
#ifndef RANKINE_COMMAND_H
#define RANKINE_COMMAND_H

#include <rankine/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one table of exit codes: X(name, number, text). Numbers are stable. */
#define RK_EXIT_MAP(X)                                                                                                 \
    X(OK, 0, "done: complete, every task succeeded")                                                                   \
    X(ERROR, 1, "failed for a reason that is not in the input (a full disk, MPI, a fault)")                            \
    X(USAGE, 2, "bad usage or bad input; nothing was begun")                                                           \
    X(TASKS_FAILED, 3, "complete, but some tasks failed: they are recorded in the file")                               \
    X(DAMAGED, 4, "verify found damage, or check found differences")                                                   \
    X(STOPPED, 75, "stopped before the end: go on with `rankine resume FILE`")

typedef enum rk_exit {
#define RK_EXIT_ENUM(name, number, text) RK_EXIT_##name = (number),
    RK_EXIT_MAP(RK_EXIT_ENUM)
#undef RK_EXIT_ENUM
} rk_exit;

/** Be the command: parse the words, do what they say, print results to stdout and messages to stderr.
 *
 * Not collective: works as the launcher, as a rank of mpirun or srun, and alone. Call it first thing in main, before
 * MPI_Init: it sets HDF5_USE_FILE_LOCKING=FALSE in the environment, ignores SIGPIPE and, during a run, handles
 * SIGINT, SIGTERM, SIGHUP and SIGUSR1 (finish the running tasks, leave a file that can be resumed).
 *
 * @param argc, argv  as main got them; the first element is found again to start the ranks
 * @param linked      kernels linked into the program, NULL-terminated, or NULL; borrowed
 * @return an rk_exit, for main to return */
RK_EXPORT int rk_command_main(int argc, char **argv, const rk_kernel *const *linked);

#ifdef __cplusplus
}
#endif
#endif
