/* An empty run file of many blocks, and a follower of it, for the tests of those who look at runs from outside. */
#ifndef RANKINE_TEST_RUN_FILE_H
#define RANKINE_TEST_RUN_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RK_KERNEL_LINKED
#include "kernel/loader.h"
#include "record/record_private.h"

#include <cmocka.h>

enum { BLOCKS = 20000, BLOCK = 2, TASKS = BLOCKS * BLOCK - 1 };

typedef struct {
    double value;
} result;

static int nothing(rk_task *task, const void *p, void *r) {
    (void)task, (void)p, (void)r;
    return RK_OK;
}

RK_KERNEL(followed, .summary = "for tests", .version = "1", .deterministic = true,
          .outputs = {RK_OUTPUT(result, value, RK_F64, "1", "value")}, .reduce = {RK_REDUCE("sum", RK_SUM, value)},
          .run = nothing)

typedef struct {
    char directory[64], path[96];
    rk__space *space;
    rk__reducer *reducer;
    rk__schema schema;
    rk__identity identity;
    rk__record *record;
    rk__follower *follower;
    unsigned visits[BLOCKS];
} fixture;

static inline int create_file(void **state) {
    fixture *f = calloc(1, sizeof *f);
    const rk_kernel *kernel = &rk_kernel_followed;
    rk__request request = {.repeat = TASKS};
    const rk__reduction_spec spec = {.name = "sum", .op = RK_SUM, .type = RK_F64, .elements = 1};
    char *text;
    strcpy(f->directory, "/tmp/rankine-follow-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/out.h5", f->directory);
    assert_int_equal(rk__space_describe(kernel, &request, &text, NULL), RK_OK);
    assert_int_equal(rk__space_create(&f->space, kernel, text, false, NULL), RK_OK);
    assert_int_equal(rk__reducer_create(&f->reducer, &spec, 1, NULL), RK_OK);
    assert_int_equal(rk__schema_create(&f->schema, kernel, f->space, f->reducer, BLOCK, NULL), RK_OK);
    assert_int_equal(f->schema.blocks, BLOCKS);
    f->identity = (rk__identity){strdup("followed"), strdup("1"), strdup(""), {1, 2}, {3, 4}, 5, true, text};
    rk__provenance none = {"", "", "", "", "", "", 1, 1};
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &none, false, NULL), RK_OK);
    assert_int_equal(rk__record_open(&f->record, f->path, true, NULL), RK_OK);
    assert_int_equal(rk__follower_create(&f->follower, f->record, NULL), RK_OK);
    *state = f;
    return 0;
}

static inline int remove_file(void **state) {
    fixture *f = *state;
    rk__follower_destroy(f->follower);
    rk__record_close(f->record);
    unlink(f->path);
    rmdir(f->directory);
    rk__identity_fini(&f->identity);
    rk__schema_fini(&f->schema);
    rk__reducer_destroy(f->reducer);
    rk__space_destroy(f->space);
    free(f);
    return 0;
}

static inline void commit(fixture *f, uint64_t block) {
    rk__block_record entry = {.generation = 1, .duration_ns = 1, .failed = block % 5 == 0};
    rk__block_seal(f->record, block, &entry);
    assert_int_equal(rk__raw_write(f->record, &entry, sizeof entry, rk__record_at(f->record, 0, block), NULL), RK_OK);
}

#endif
