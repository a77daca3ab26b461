/* bare_spawn PROGRAMS PROCESSES: seconds that as many processes take to start /bin/true as often, one after the other,
 * and to wait for each. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int start_all(long count) {
    char name[] = "/bin/true";
    char *const words[] = {name, NULL}, *const variables[] = {NULL};
    for (long i = 0; i < count; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, name, NULL, NULL, words, variables) != 0 || waitpid(child, &status, 0) != child ||
            status != 0)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    long programs = strtol(argv[1], NULL, 10), processes = strtol(argv[2], NULL, 10);
    int failed = 0, status;
    double begin = now();
    for (long p = 0; p < processes; p++)
        if (fork() == 0)
            _exit(start_all(programs / processes));
    for (long p = 0; p < processes; p++)
        failed |= wait(&status) < 0 || status != 0;
    printf("%.6f\n", now() - begin);
    return failed;
}
