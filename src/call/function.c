/* dl_iterate_phdr (Linux, the BSDs) tells which object holds an address, and where it was loaded. */
#ifdef __linux__
#define _GNU_SOURCE /* dl_iterate_phdr */
#endif
#include "call/call.h"

#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { READ_BYTES = 1 << 20 };

/* The hash of a file's bytes; 0 if it can't be read. */
static uint64_t hash_of_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *buffer = fd >= 0 ? malloc(READ_BYTES) : NULL;
    XXH3_state_t *state = buffer != NULL ? XXH3_createState() : NULL;
    uint64_t hash = 0;
    if (state != NULL) {
        ssize_t got;
        XXH3_64bits_reset(state);
        while ((got = read(fd, buffer, READ_BYTES)) > 0)
            XXH3_64bits_update(state, buffer, (size_t)got);
        hash = got == 0 ? XXH3_64bits_digest(state) : 0;
        XXH3_freeState(state);
    }
    free(buffer);
    if (fd >= 0)
        close(fd);
    return hash;
}

uint64_t rk__build_of_program(void) {
    return hash_of_file("/proc/self/exe");
}

/* ---- objects ---- */

typedef struct search {
    uintptr_t address; /* wanted, unless 0 */
    uint64_t object;   /* wanted, unless address */
    size_t seen;
    bool found;
    uintptr_t base;
    uint64_t id;
    const char *file; /* "": the executable; lives as long as the object */
} search;

/* The executable comes first. Other objects: their file's name, and where their parts lie, which another build moves.
 */
static uint64_t id_of(const struct dl_phdr_info *info, size_t number) {
    if (number == 0)
        return 0;
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash != NULL ? slash + 1 : info->dlpi_name;
    uint64_t parts = XXH3_64bits(info->dlpi_phdr, info->dlpi_phnum * sizeof *info->dlpi_phdr);
    return XXH3_64bits_withSeed(name, strlen(name), parts) | 1;
}

static bool holds(const struct dl_phdr_info *info, uintptr_t address) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && address >= info->dlpi_addr + part->p_vaddr &&
            address < info->dlpi_addr + part->p_vaddr + part->p_memsz)
            return true;
    }
    return false;
}

static int look(struct dl_phdr_info *info, size_t size, void *ctx) {
    (void)size;
    search *wanted = ctx;
    size_t number = wanted->seen++;
    if (wanted->address != 0 ? !holds(info, wanted->address) : id_of(info, number) != wanted->object)
        return 0;
    wanted->found = true;
    wanted->base = info->dlpi_addr;
    wanted->id = id_of(info, number);
    wanted->file = number > 0 ? info->dlpi_name : "";
    return 1;
}

uint64_t rk__build_of_rankine(void) {
    search wanted = {.address = (uintptr_t)&rk__build_of_rankine};
    dl_iterate_phdr(look, &wanted);
    bool in_library = wanted.found && *wanted.file != '\0';
    return rk__build_of_program() ^ (in_library ? hash_of_file(wanted.file) : 0);
}

rk_status rk__function_name_of(rk_function function, rk__function_name *name, rk_error *err) {
    search wanted = {.address = (uintptr_t)function};
    if (function == NULL)
        return rk__fail(err, RK_EINVAL, "the function is NULL");
    dl_iterate_phdr(look, &wanted);
    if (!wanted.found)
        return rk__fail(err, RK_EINVAL, "%p is in no object that is loaded: is it a function?", (void *)wanted.address);
    *name = (rk__function_name){wanted.id, wanted.address - wanted.base};
    return RK_OK;
}

rk_status rk__function_find(const rk__function_name *name, rk_function *function, rk_error *err) {
    search wanted = {.object = name->object};
    dl_iterate_phdr(look, &wanted);
    if (!wanted.found)
        return rk__fail(err, RK_ENOENT,
                        "the function is of a shared object that this rank has not loaded, or in another build: load "
                        "it (dlopen) on all ranks before");
    *function = (rk_function)(wanted.base + name->offset);
    return RK_OK;
}
