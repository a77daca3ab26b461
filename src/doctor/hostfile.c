#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

enum { LINE_MAX_BYTES = 1024 };

/* ---- lines ---- */

/* "slots=4", and the other words that Open MPI 4 takes for it; 0: another word. */
static int slots_in(const char *word) {
    static const char *const names[] = {"slots=", "slot=", "count=", "cpu="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t value;
        size_t length = strlen(names[i]);
        if (strncmp(word, names[i], length) == 0 && rk__parse_u64(word + length, &value) && value < 1000000)
            return (int)value;
    }
    return 0;
}

/* "slots = 4" becomes "slots=4". */
static void close_up(char *line) {
    char *to = line;
    for (const char *from = line; *from != '\0'; from++) {
        bool before = isspace((unsigned char)*from) && from[1 + strspn(from + 1, " \t")] == '=';
        bool after = isspace((unsigned char)*from) && to > line && to[-1] == '=';
        if (!before && !after)
            *to++ = *from;
    }
    *to = '\0';
}

static rk_status add_host(rk__hostfile *file, const char *name, int slots, rk_error *err) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->hosts[i].name, name) == 0) {
            file->hosts[i].slots += slots;
            return RK_OK;
        }
    rk__host_line *grown = realloc(file->hosts, (file->count + 1) * sizeof *grown);
    char *copy = rk__strdup(name);
    if (grown != NULL)
        file->hosts = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return rk__fail(err, RK_ENOMEM, "out of memory for a hostfile");
    }
    file->hosts[file->count++] = (rk__host_line){copy, slots};
    return RK_OK;
}

static rk_status read_line(rk__hostfile *file, char *line, rk_error *err) {
    line[strcspn(line, "#\r\n")] = '\0';
    close_up(line);
    char *rest = NULL, *name = strtok_r(line, " \t", &rest);
    int slots = 0;
    if (name == NULL || *name == '^') /* a host to leave out */
        return RK_OK;
    for (char *word = strtok_r(NULL, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (slots_in(word) > 0)
            slots = slots_in(word);
    return add_host(file, name, slots, err);
}

/* ---- the whole ---- */

rk_status rk__hostfile_read(rk__hostfile *file, const char *path, rk_error *err) {
    char line[LINE_MAX_BYTES];
    *file = (rk__hostfile){0};
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return rk__fail(err, errno == ENOENT ? RK_ENOENT : RK_EPERM, "--hostfile %s: %s", path, rk__errno_text(errno));
    rk_status status = RK_OK;
    while (status == RK_OK && fgets(line, sizeof line, in) != NULL)
        status = read_line(file, line, err);
    if (status == RK_OK && ferror(in))
        status = rk__fail(err, RK_EIO, "--hostfile %s: cannot be read", path);
    fclose(in);
    if (status == RK_OK && file->count == 0)
        status = rk__fail(err, RK_EINVAL, "--hostfile %s: there is no host in it (a line is: node1 slots=4)", path);
    if (status != RK_OK)
        rk__hostfile_fini(file);
    return status;
}

int rk__hostfile_slots(const rk__hostfile *file) {
    int all = 0;
    for (size_t i = 0; i < file->count; i++) {
        if (file->hosts[i].slots == 0)
            return 0;
        all += file->hosts[i].slots;
    }
    return all;
}

void rk__hostfile_fini(rk__hostfile *file) {
    for (size_t i = 0; i < file->count; i++)
        free(file->hosts[i].name);
    free(file->hosts);
    *file = (rk__hostfile){0};
}
