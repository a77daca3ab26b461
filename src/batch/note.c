#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "batch/batch.h"

#define SCRIPT_SUFFIX ".sbatch"

void rk__batch_note_path(const char *file, char out[RK__BATCH_PATH_MAX]) {
    snprintf(out, RK__BATCH_PATH_MAX, "%s.job", file);
}

void rk__batch_script_path(const char *file, char out[RK__BATCH_PATH_MAX]) {
    snprintf(out, RK__BATCH_PATH_MAX, "%s" SCRIPT_SUFFIX, file);
}

/* The script writes the same line. */
rk_status rk__batch_note_write(const char *file, const rk__batch_note *note, rk_error *err) {
    char path[RK__BATCH_PATH_MAX];
    rk__batch_note_path(file, path);
    FILE *stream = fopen(path, "w");
    bool written = stream != NULL && fprintf(stream, "job %s restarts %" PRIu64 "\n", note->id, note->restarts) > 0;
    if (stream != NULL)
        written = fclose(stream) == 0 && written;
    return written ? RK_OK : rk__fail(err, RK_EIO, "%s: %s", path, rk__errno_text(errno));
}

bool rk__batch_note_read(const char *file, rk__batch_note *out) {
    char path[RK__BATCH_PATH_MAX];
    rk__batch_note found = {.restarts = 0};
    rk__batch_note_path(file, path);
    FILE *stream = fopen(path, "r");
    if (stream == NULL)
        return false;
    bool valid = fscanf(stream, "job %31[0-9] restarts %" SCNu64, found.id, &found.restarts) == 2;
    fclose(stream);
    if (valid)
        *out = found;
    return valid;
}

/* squeue puts the script's arguments behind it; ours are numbers. */
bool rk__batch_file_of(const char *command, char out[RK__BATCH_PATH_MAX]) {
    const char *end = NULL;
    for (const char *at = command; (at = strstr(at, SCRIPT_SUFFIX)) != NULL; at += strlen(SCRIPT_SUFFIX))
        end = at;
    if (end == NULL || end == command)
        return false;
    const char *rest = end + strlen(SCRIPT_SUFFIX);
    if (rest[strspn(rest, " 0123456789")] != '\0' || (size_t)(end - command) >= RK__BATCH_PATH_MAX)
        return false;
    snprintf(out, RK__BATCH_PATH_MAX, "%.*s", (int)(end - command), command);
    return true;
}
