/* What a run's rows would cost at least: processes that write the same bytes with pwrite, each its half of the file,
 * and fill every piece before they write it, as a kernel does.
 *
 *     raw_writes FILE BYTES PIECE PROCESSES      prints seconds from the first write to the last
 *
 * The space is reserved first, as Rankine does, outside the clock. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void write_share(const char *path, uint64_t first, uint64_t end, size_t piece) {
    uint64_t *buffer = malloc(piece);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || buffer == NULL)
        die(path);
    for (uint64_t at = first; at < end; at += piece) {
        size_t size = end - at < piece ? (size_t)(end - at) : piece;
        for (size_t i = 0; i < size / sizeof *buffer; i++)
            buffer[i] = at + i;
        if (pwrite(fd, buffer, size, (off_t)at) != (ssize_t)size)
            die(path);
    }
    close(fd);
    free(buffer);
}

static void make_file(const char *path, uint64_t bytes) {
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
        die(path);
    (void)!fallocate(fd, 0, 0, (off_t)bytes);
    close(fd);
}

/* Children wait for the word, so that starting them costs nothing. */
static void write_all(const char *path, uint64_t bytes, size_t piece, int processes, _Atomic int *go) {
    uint64_t share = bytes / (uint64_t)processes / 4096 * 4096;
    for (int p = 0; p < processes; p++) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child > 0)
            continue;
        while (!atomic_load(go))
            usleep(50);
        write_share(path, (uint64_t)p * share, p + 1 == processes ? bytes : ((uint64_t)p + 1) * share, piece);
        _exit(0);
    }
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    uint64_t bytes = strtoull(argv[2], NULL, 10);
    int processes = atoi(argv[4]), failed = 0, status;
    _Atomic int *go = mmap(NULL, sizeof *go, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (go == MAP_FAILED)
        die("mmap");
    make_file(argv[1], bytes);
    write_all(argv[1], bytes, strtoull(argv[3], NULL, 10), processes, go);
    usleep(100000);
    double begin = now();
    atomic_store(go, 1);
    for (int p = 0; p < processes; p++)
        failed |= wait(&status) < 0 || status != 0;
    printf("%.6f\n", now() - begin);
    return failed;
}
