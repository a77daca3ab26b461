/* For the tests of src/space: a kernel with a parameter of every kind, and short ways to ask for spaces of it. */
#ifndef RANKINE_TEST_SPACE_FIXTURE_H
#define RANKINE_TEST_SPACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RK_KERNEL_LINKED
#include "space/space_private.h"

typedef struct all_params {
    double rho, sigma;
    float tau;
    int8_t i8;
    uint8_t u8;
    int64_t i64;
    uint64_t u64;
    bool flag;
    const char *label;
    int color;
    uint32_t n, bins;
    double seed_like;
} all_params;

typedef struct all_result {
    double y;
    double *image;
} all_result;

RK_KERNEL(all, .summary = "a parameter of every kind", .version = "1",
          .params = {RK_PARAM(all_params, rho, RK_F64, "28", "1", "a pure number"),
                     RK_PARAM(all_params, sigma, RK_F64, "10", "m", "a length"),
                     RK_PARAM(all_params, tau, RK_F32, "0.5", "s", "a time"),
                     RK_PARAM(all_params, i8, RK_I8, "-1", NULL, NULL),
                     RK_PARAM(all_params, u8, RK_U8, "1", NULL, NULL),
                     RK_PARAM(all_params, i64, RK_I64, "0", NULL, NULL),
                     RK_PARAM(all_params, u64, RK_U64, "0", NULL, NULL),
                     RK_PARAM(all_params, flag, RK_BOOL, "no", NULL, NULL),
                     RK_PARAM(all_params, label, RK_STRING, "none", NULL, NULL),
                     RK_PARAM(all_params, color, RK_ENUM, "red", NULL, NULL, .choices = "red|green|blue"),
                     RK_PARAM(all_params, n, RK_U32, "4", NULL, "size of the image"),
                     RK_PARAM(all_params, bins, RK_U32, "10", NULL, "bins of the histogram"),
                     RK_PARAM(all_params, seed_like, RK_F64, "0", NULL, NULL, .fixed = true)},
          .outputs = {RK_OUTPUT(all_result, y, RK_F64, "1", "a number"),
                      RK_OUTPUT_ROW(all_result, image, RK_F64, "1", "pixels", .shape = {"n", "3"})},
          .reduce = {{.name = "h", .op = RK_HISTOGRAM, .output = "y", .lo = "0", .hi = "rho", .bins = "bins"}})

static inline const rk_param *param_named(const rk_kernel *kernel, const char *name) {
    const rk_param *param = rk__param_find(kernel, name, strlen(name));
    assert_non_null(param);
    return param;
}

/* The settings of a command line, blank-separated, and what else a request holds. */
typedef struct asked {
    char text[1024];
    const char *settings[32];
    rk__request request;
} asked;

static inline void ask(asked *a, const char *settings) {
    *a = (asked){.request = RK__REQUEST_INIT};
    snprintf(a->text, sizeof a->text, "%s", settings);
    for (char *word = strtok(a->text, " "); word != NULL; word = strtok(NULL, " "))
        a->settings[a->request.setting_count++] = word;
    a->request.settings = a->settings;
}

static inline char *describe(const rk_kernel *kernel, const rk__request *request) {
    rk_error err = RK_ERROR_INIT;
    char *text = NULL;
    if (rk__space_describe(kernel, request, &text, &err) != RK_OK)
        fail_msg("%s", err.message);
    return text;
}

static inline rk__space *space_of_text(const rk_kernel *kernel, const char *text) {
    rk_error err = RK_ERROR_INIT;
    rk__space *space = NULL;
    if (rk__space_create(&space, kernel, text, true, &err) != RK_OK)
        fail_msg("%s", err.message);
    return space;
}

static inline rk__space *space_of_request(const rk_kernel *kernel, const rk__request *request) {
    char *text = describe(kernel, request);
    rk__space *space = space_of_text(kernel, text);
    free(text);
    return space;
}

static inline rk__space *space_of(const rk_kernel *kernel, const char *settings) {
    asked a;
    ask(&a, settings);
    return space_of_request(kernel, &a.request);
}

/* Describing fails with this status, and with one line that holds `words`. */
static inline void refuses_request(const rk_kernel *kernel, const rk__request *request, rk_status status,
                                   const char *words) {
    rk_error err = RK_ERROR_INIT;
    char *text = NULL;
    rk_status got = rk__space_describe(kernel, request, &text, &err);
    if (got != status || strstr(err.message, words) == NULL || strchr(err.message, '\n') != NULL)
        fail_msg("status %s, '%s'; expected %s, '%s'", rk_status_name(got), err.message, rk_status_name(status), words);
    assert_null(text);
}

static inline void refuses(const rk_kernel *kernel, const char *settings, rk_status status, const char *words) {
    asked a;
    ask(&a, settings);
    refuses_request(kernel, &a.request, status, words);
}

/* A file of the current directory, which the tests make a fresh one. */
static inline const char *write_file(const char *name, const char *bytes, size_t size) {
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return name;
}

#define WRITE_TEXT(name, text) write_file(name, text, strlen(text))

#endif
