/* Hostile text: what a command line, a table, or the texts of a run file may hold. The first byte says which parser. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RK_KERNEL_LINKED
#include "cli/when.h"
#include "kernel/loader.h"
#include "record/record_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    double x;
    uint8_t small;
    int64_t wide;
    bool flag;
    const char *name;
    int colour;
    rk_input input;
} params;

typedef struct {
    double y, *row;
} result;

static int nothing(rk_task *task, const void *p, void *r) {
    (void)task, (void)p, (void)r;
    return RK_OK;
}

RK_KERNEL(fuzzed, .summary = "for fuzzing", .version = "1", .deterministic = true,
          .params = {RK_PARAM(params, x, RK_F64, "1", "m", "x"), RK_PARAM(params, small, RK_U8, "3", "1", "small"),
                     RK_PARAM(params, wide, RK_I64, "-5", "1", "wide"),
                     RK_PARAM(params, flag, RK_BOOL, "no", "1", "flag"),
                     RK_PARAM(params, name, RK_STRING, "", "1", "name"),
                     RK_PARAM(params, colour, RK_ENUM, "red", "1", "colour", .choices = "red|green|blue")},
          .outputs = {RK_OUTPUT(result, y, RK_F64, "1", "y"),
                      RK_OUTPUT_ROW(result, row, RK_F64, "1", "row", .shape = {"small"})},
          .run = nothing)

static void walk(rk__space *space) {
    char *memory = malloc(space->params_bytes);
    memcpy(memory, space->base_params, space->params_bytes);
    const uint64_t tasks[] = {0, space->tasks / 2, space->tasks - 1};
    for (size_t i = 0; i < 3; i++) {
        rk_task task;
        rk__space_bind(space, tasks[i], memory);
        rk__space_locate(space, tasks[i], &task);
    }
    free(memory);
}

static void build(const char *text) {
    rk__space *space = NULL;
    rk_error err = RK_ERROR_INIT;
    if (rk__space_create(&space, &rk_kernel_fuzzed, text, false, &err) != RK_OK)
        return;
    walk(space);
    rk__space_destroy(space);
}

static void describe(const rk__request *request) {
    char *text = NULL;
    rk_error err = RK_ERROR_INIT;
    if (rk__space_describe(&rk_kernel_fuzzed, request, &text, &err) != RK_OK)
        return;
    build(text); /* what we wrote ourselves must be readable; it may still be refused for its size */
    free(text);
}

/* Settings in lines; a line that begins with '!' is a zip. Files are not opened: no '@'. */
static void settings(char *text) {
    const char *words[32], *zips[8];
    rk__request request = {.settings = words, .zips = zips};
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strchr(line, '@') != NULL || strncmp(line, "input", 5) == 0)
            continue;
        if (line[0] == '!' && request.zip_count < 8)
            zips[request.zip_count++] = line + 1;
        else if (line[0] != '!' && strchr(line, '=') != NULL && request.setting_count < 32)
            words[request.setting_count++] = line;
    }
    describe(&request);
}

static void table(const char *text, size_t size) {
    char path[] = "/tmp/rankine-fuzz-table-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, size) != (ssize_t)size)
        abort();
    close(fd);
    describe(&(rk__request){.table = path});
    unlink(path);
}

static void schema(const char *text) {
    rk__schema read;
    rk_error err = RK_ERROR_INIT;
    if (rk__schema_read(&read, text, &err) == RK_OK)
        rk__schema_fini(&read);
}

static void identity(const char *text) {
    rk__identity read = {0};
    rk_error err = RK_ERROR_INIT;
    if (rk__identity_read(&read, text, "", &err) == RK_OK)
        rk__identity_fini(&read);
}

static void times(const char *text) {
    rk_error err = RK_ERROR_INIT;
    double seconds;
    uint64_t wall_ns;
    (void)rk__parse_duration("--time-limit", text, &seconds, &err);
    (void)rk__parse_time("--until", text, UINT64_C(1795251600000000000), &wall_ns, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 6) {
    case 0:
        settings(text);
        break;
    case 1:
        table(text, size - 1);
        break;
    case 2:
        build(text);
        break;
    case 3:
        schema(text);
        break;
    case 4:
        identity(text);
        break;
    default:
        times(text);
    }
    free(text);
    return 0;
}
