#include <dirent.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "call/call.h"
#include "doctor/doctor_private.h"
#include "world/world.h"

/* The first words of a small file of the kernel's; "" if there is none. */
static void read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "r");
    *line = '\0';
    if (file == NULL)
        return;
    if (fgets(line, (int)size, file) == NULL)
        *line = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

static void write_versions(rk__card *card) {
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    unsigned major = 0, minor = 0, release = 0;
    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    snprintf(card->mpi, sizeof card->mpi, "%.63s", library);
    H5get_libversion(&major, &minor, &release);
    snprintf(card->hdf5, sizeof card->hdf5, "%u.%u.%u", major, minor, release);
    ssize_t used = readlink("/proc/self/exe", card->program, sizeof card->program - 1);
    card->program[used > 0 ? used : 0] = '\0';
}

static void write_cores(rk__card *card) {
    int *list = NULL, count = 0;
    card->cores = rk__world_cores();
    card->machine_cores = rk__world_machine_cores();
    if (rk__world_core_list(&list, &count, NULL) != RK_OK)
        return;
    for (int i = 0; i < count; i++)
        if (list[i] < RK__CPUS_MAX)
            card->cpus[list[i] / 64] |= UINT64_C(1) << (list[i] % 64);
    free(list);
}

/* MemAvailable counts what the kernel would give back; sysconf knows only what nobody has. */
static uint64_t available_memory(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    char line[160];
    unsigned long long kib = 0;
    while (file != NULL && kib == 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
            kib = 0;
    if (file != NULL)
        fclose(file);
    return (uint64_t)kib * 1024;
}

static void write_memory(rk__card *card) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    struct statvfs shm;
    if (pages > 0 && page > 0)
        card->memory_bytes = (uint64_t)pages * (uint64_t)page;
    card->memory_free_bytes = available_memory();
    if (statvfs("/dev/shm", &shm) == 0) {
        card->shm_bytes = (uint64_t)shm.f_blocks * shm.f_frsize;
        card->shm_free_bytes = (uint64_t)shm.f_bavail * shm.f_frsize;
    }
}

static uint64_t limit_of(int which) {
    struct rlimit limit;
    return getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
}

static bool has_infiniband(void) {
    DIR *cards = opendir("/sys/class/infiniband");
    bool found = false;
    for (struct dirent *entry; cards != NULL && (entry = readdir(cards)) != NULL;)
        found = found || entry->d_name[0] != '.';
    if (cards != NULL)
        closedir(cards);
    return found;
}

void rk__card_write(rk__card *card) {
    *card = (rk__card){.magic = RK__CARD_MAGIC, .version = RK__CARD_VERSION};
    card->build = rk__build_of_rankine();
    snprintf(card->rankine, sizeof card->rankine, "%s", RANKINE_VERSION);
    if (gethostname(card->host, sizeof card->host - 1) != 0)
        strcpy(card->host, "?");
    read_line("/proc/sys/kernel/random/boot_id", card->machine, sizeof card->machine);
    write_versions(card);
    write_cores(card);
    write_memory(card);
    card->open_files = limit_of(RLIMIT_NOFILE);
#ifdef RLIMIT_MEMLOCK
    card->locked_bytes = limit_of(RLIMIT_MEMLOCK);
#endif
    card->infiniband = has_infiniband();
}
