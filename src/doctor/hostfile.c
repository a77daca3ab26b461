#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/host_line.h"

/* ---- the text ---- */

/* Far beyond any cluster. */
enum { TEXT_MAX = 64 << 20, CHUNK = 1 << 16 };

static rk_status fail_to_read(const char *path, int errnum, rk_error *err) {
    rk_status status = errnum == ENOENT ? RK_ENOENT : errnum == EACCES ? RK_EPERM : RK_EIO;
    return rk__fail(err, errnum == EISDIR ? RK_EINVAL : status, "--hostfile %s: %s", path, rk__errno_text(errnum));
}

/* A terminal or /dev/zero has no end. */
static rk_status check_kind(int fd, const char *path, rk_error *err) {
    struct stat is;
    if (fstat(fd, &is) != 0)
        return fail_to_read(path, errno, err);
    if (S_ISDIR(is.st_mode))
        return fail_to_read(path, EISDIR, err);
    if (!S_ISREG(is.st_mode) && !S_ISFIFO(is.st_mode))
        return rk__fail(err, RK_EINVAL,
                        "--hostfile %s: it is neither a file nor a pipe: name a file of lines such as "
                        "node1 slots=4",
                        path);
    return RK_OK;
}

static rk_status read_all(int fd, const char *path, rk__text *text, rk_error *err) {
    char chunk[CHUNK];
    RK_TRY(check_kind(fd, path, err));
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_to_read(path, errno, err);
        if (got == 0)
            return RK_OK;
        rk__text_add_bytes(text, chunk, (size_t)got);
        if (text->failed)
            return rk__fail(err, RK_ENOMEM, "out of memory for a hostfile");
        if (text->length > TEXT_MAX)
            return rk__fail(err, RK_EINVAL, "--hostfile %s: it has more than %d MiB: is it a list of hosts?", path,
                            TEXT_MAX >> 20);
    }
}

/* ---- hosts ---- */

/* Finds hosts by their names. */
typedef struct host_index {
    size_t *places; /* [size] 1 + number of a host; 0: free */
    size_t size;    /* a power of two, more than twice the lines */
} host_index;

bool rk__host_is_here(const char *name) {
    char own[256] = "";
    gethostname(own, sizeof own - 1);
    size_t length = strcspn(own, ".");
    return strcmp(name, "localhost") == 0 || strcmp(name, "127.0.0.1") == 0 || strcmp(name, own) == 0 ||
           (strncmp(name, own, length) == 0 && strcspn(name, ".") == length);
}

/* For mpirun a user's name does not make another host, nor does another name of this one. */
static const char *key_of(const char *name) {
    const char *at = strchr(name, '@');
    const char *host = at != NULL ? at + 1 : name;
    return rk__host_is_here(host) ? "localhost" : host;
}

/* FNV-1a */
static uint64_t hash_of(const char *key) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return hash;
}

static size_t *find_place(const rk__hostfile *file, const host_index *index, const char *name) {
    const char *key = key_of(name);
    size_t at = hash_of(key) & (index->size - 1);
    while (index->places[at] != 0 && strcmp(key_of(file->hosts[index->places[at] - 1].name), key) != 0)
        at = (at + 1) & (index->size - 1);
    return &index->places[at];
}

/* mpirun counts lines that do not say how many slots as one each, if there are several. */
static rk_status add_line(rk__host_line *host, const rk__host_settings *more, rk__host_place place, rk_error *err) {
    if (more->slots > 0)
        return rk__fail(err, RK_EINVAL,
                        "--hostfile %s:%d: host %s stands there before, and mpirun refuses slots= on a further line: "
                        "write one line for it, with all its slots",
                        place.path, place.line, more->name);
    host->slots = (host->slots > 0 ? host->slots : 1) + 1;
    return RK_OK;
}

static rk_status add_host(rk__hostfile *file, const rk__host_settings *host, size_t *place, rk_error *err) {
    char *copy = rk__strdup(host->name);
    if (copy == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for a hostfile");
    file->hosts[file->count++] = (rk__host_line){copy, host->slots > 0 ? host->slots : host->max};
    *place = file->count;
    return RK_OK;
}

/* ---- the whole ---- */

static size_t count_lines(const rk__text *text) {
    size_t lines = 1;
    for (size_t i = 0; i < text->length; i++)
        lines += rk__text_get(text)[i] == '\n';
    return lines;
}

static rk_status check_nul(const rk__text *text, const char *path, rk_error *err) {
    const char *all = rk__text_get(text), *nul = memchr(all, '\0', text->length);
    int line = 1;
    if (nul == NULL)
        return RK_OK;
    for (const char *at = all; at < nul; at++)
        line += *at == '\n';
    return rk__fail(err, RK_EINVAL,
                    "--hostfile %s:%d: there is a NUL byte, which is no text: save it as plain ASCII or UTF-8", path,
                    line);
}

/* text: NULL: the file is empty. */
static rk_status read_lines(rk__hostfile *file, char *text, host_index *index, const char *path, rk_error *err) {
    rk__host_place place = {path, 0};
    rk__host_settings host;
    for (char *next, *line = text; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        place.line++;
        RK_TRY(rk__host_line_read(&host, line, place, err));
        if (host.name == NULL)
            continue;
        size_t *at = find_place(file, index, host.name);
        RK_TRY(*at != 0 ? add_line(&file->hosts[*at - 1], &host, place, err) : add_host(file, &host, at, err));
    }
    return RK_OK;
}

static rk_status parse(rk__hostfile *file, rk__text *text, const char *path, rk_error *err) {
    size_t lines = count_lines(text);
    host_index index = {.size = 4};
    RK_TRY(check_nul(text, path, err));
    while (index.size <= 2 * lines)
        index.size *= 2;
    RK_TRY(rk__alloc((void **)&file->hosts, lines, sizeof *file->hosts, "hosts", err));
    rk_status status = rk__alloc((void **)&index.places, index.size, sizeof *index.places, "hosts", err);
    if (status == RK_OK)
        status = read_lines(file, text->data, &index, path, err);
    free(index.places);
    if (status == RK_OK && file->count == 0)
        status = rk__fail(err, RK_EINVAL, "--hostfile %s: there is no host in it (a line is: node1 slots=4)", path);
    return status;
}

rk_status rk__hostfile_read(rk__hostfile *file, const char *path, rk_error *err) {
    rk__text text = RK__TEXT_INIT;
    *file = (rk__hostfile){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_to_read(path, errno, err);
    rk_status status = read_all(fd, path, &text, err);
    close(fd);
    if (status == RK_OK)
        status = parse(file, &text, path, err);
    rk__text_fini(&text);
    if (status != RK_OK)
        rk__hostfile_fini(file);
    return status;
}

int rk__hostfile_slots(const rk__hostfile *file) {
    int all = 0;
    for (size_t i = 0; i < file->count; i++) {
        if (file->hosts[i].slots == 0)
            return 0;
        all = file->hosts[i].slots < INT_MAX - all ? all + file->hosts[i].slots : INT_MAX;
    }
    return all;
}

void rk__hostfile_fini(rk__hostfile *file) {
    for (size_t i = 0; i < file->count; i++)
        free(file->hosts[i].name);
    free(file->hosts);
    *file = (rk__hostfile){0};
}
