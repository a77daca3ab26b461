/* Seconds of an acquire and release of a pthread mutex in memory that two processes share: alone, and wanted by both.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMES = 1000000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void use(pthread_mutex_t *mutex) {
    for (int i = 0; i < TIMES; i++) {
        pthread_mutex_lock(mutex);
        pthread_mutex_unlock(mutex);
    }
}

int main(void) {
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t shared;
    if (mutex == MAP_FAILED)
        return 1;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &shared);
    double begin = now();
    use(mutex);
    printf("lock_alone %.4g\n", (now() - begin) / TIMES);
    fflush(stdout);
    begin = now();
    pid_t child = fork();
    use(mutex);
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    printf("lock_contended %.4g\n", (now() - begin) / (2.0 * TIMES));
    return 0;
}
