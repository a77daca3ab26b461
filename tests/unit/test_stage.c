/* Rows and records on their way to the file, and what counts of them afterwards. */
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

enum { TASKS = 50, BLOCK = 4, BLOCKS = 13 };

typedef struct {
    double x;
} params;

typedef struct {
    double value;
} result;

static int nothing(rk_task *task, const void *p, void *r) {
    (void)task, (void)p, (void)r;
    return RK_OK;
}

RK_KERNEL(staged, .summary = "for tests", .version = "1", .deterministic = true,
          .params = {RK_PARAM(params, x, RK_F64, "1", "1", "x")},
          .outputs = {RK_OUTPUT(result, value, RK_F64, "1", "value")}, .reduce = {RK_REDUCE("sum", RK_SUM, value)},
          .run = nothing)

typedef struct {
    char directory[64], path[96];
    rk__space *space;
    rk__reducer *reducer;
    rk__schema schema;
    rk__identity identity;
    rk__record *record;
    rk__stage *stage;
    uint64_t committed; /* blocks that the stage said are in the file */
} fixture;

static void count_committed(void *ctx, uint64_t first, uint64_t count) {
    fixture *f = ctx;
    rk__block_record entry;
    for (uint64_t b = first; b < first + count; b++)
        assert_true(rk__record_block(f->record, b, &entry));
    f->committed += count;
}

static void open_stage(fixture *f, size_t bytes) {
    rk__stage_options options = {.owner = 1, .bytes = bytes, .committed = count_committed, .ctx = f};
    assert_int_equal(rk__record_open(&f->record, f->path, true, NULL), RK_OK);
    assert_int_equal(rk__stage_create(&f->stage, f->record, &options, NULL), RK_OK);
}

static void close_stage(fixture *f) {
    rk__stage_destroy(f->stage);
    rk__record_close(f->record);
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    char *text;
    rk__request request = {.repeat = TASKS};
    rk__reduction_spec spec = {.name = "sum", .op = RK_SUM, .type = RK_F64, .elements = 1};
    rk__provenance provenance = {"", "", "", "", "", "", 1, 1};
    rk_error err = RK_ERROR_INIT;
    snprintf(f->directory, sizeof f->directory, "%s/rankine-test-XXXXXX", "/tmp");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/run.h5", f->directory);
    assert_int_equal(rk__space_describe(&rk_kernel_staged, &request, &text, &err), RK_OK);
    assert_int_equal(rk__space_create(&f->space, &rk_kernel_staged, text, false, &err), RK_OK);
    assert_int_equal(rk__reducer_create(&f->reducer, &spec, 1, &err), RK_OK);
    assert_int_equal(rk__schema_create(&f->schema, &rk_kernel_staged, f->space, f->reducer, BLOCK, &err), RK_OK);
    f->identity = (rk__identity){.kernel_name = strdup("staged"),
                                 .kernel_version = strdup("1"),
                                 .kernel_path = strdup(""),
                                 .space_text = text,
                                 .seed = 7};
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &provenance, false, &err), RK_OK);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    unlink(f->path);
    rmdir(f->directory);
    rk__schema_fini(&f->schema);
    rk__identity_fini(&f->identity);
    rk__reducer_destroy(f->reducer);
    rk__space_destroy(f->space);
    free(f);
    return 0;
}

/* Commit one block whose row `i` is task + shift, `batch` tasks at a time. */
static void commit(fixture *f, uint64_t block, double shift, uint64_t batch) {
    const rk__schema *schema = rk__record_schema(f->record);
    uint64_t first = block * BLOCK, tasks = rk__schema_block_tasks(schema, block), count;
    rk__block_record entry = {.duration_ns = 5};
    rk__exact sum = {0};
    for (uint64_t done = 0; done < tasks; done += count) {
        void *rows[RK__COLUMNS_MAX];
        count = tasks - done < batch ? tasks - done : batch;
        assert_int_equal(rk__stage_rows(f->stage, first + done, count, rows, NULL), RK_OK);
        for (uint64_t i = 0; i < count; i++) {
            ((double *)rows[0])[i] = (double)(first + done + i) + shift;
            ((uint8_t *)rows[1])[i] = RK__TASK_OK;
            rk__exact_add(&sum, ((double *)rows[0])[i]);
        }
        rk__checksum_rows(entry.checksum, &schema->columns[0], first + done, count, rows[0], rows[1]);
    }
    rk__exact_normalise(&sum);
    assert_int_equal(rk__stage_commit(f->stage, block, &entry, &sum, NULL), RK_OK);
}

static void expect_sound(fixture *f, uint64_t blocks) {
    rk__verify_report report;
    assert_int_equal(rk__record_verify(f->record, &report, NULL, NULL, NULL), RK_OK);
    assert_int_equal(report.totals.blocks_done, blocks);
    assert_int_equal(report.blocks_bad, 0);
}

static double sum_of(fixture *f) {
    rk__exact sum;
    assert_int_equal(rk__record_fold(f->record, f->reducer, &sum, NULL), RK_OK);
    return rk__exact_round(&sum);
}

/* Stages from smaller than a row to larger than everything, blocks in a scattered order. */
static void blocks_in_any_order_through_stages_of_any_size(void **state) {
    fixture *f = *state;
    static const size_t sizes[] = {1, 30, 100, 1 << 20};
    for (size_t s = 0; s < 4; s++) {
        open_stage(f, sizes[s]);
        uint64_t batch = rk__stage_batch_tasks(f->stage) < 3 ? rk__stage_batch_tasks(f->stage) : 3;
        f->committed = 0;
        for (uint64_t i = 0; i < BLOCKS; i++)
            commit(f, i * 5 % BLOCKS, (double)s, batch);
        assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
        assert_int_equal(f->committed, BLOCKS);
        expect_sound(f, BLOCKS);
        assert_true(sum_of(f) == TASKS * (TASKS - 1) / 2 + (double)s * TASKS);
        close_stage(f);
    }
}

static void nothing_counts_before_the_flush(void **state) {
    fixture *f = *state;
    open_stage(f, 0);
    commit(f, 2, 0, BLOCK);
    expect_sound(f, 0);
    assert_int_equal(rk__stage_flush_older(f->stage, UINT64_C(1) << 40, NULL), RK_OK);
    assert_int_equal(f->committed, 0);
    assert_int_equal(rk__stage_flush_older(f->stage, 0, NULL), RK_OK);
    assert_int_equal(f->committed, 1);
    expect_sound(f, 1);
    close_stage(f);
}

/* A flush while a block is being computed writes nothing of it, and its rows are whole afterwards. */
static void a_flush_leaves_the_running_block_alone(void **state) {
    fixture *f = *state;
    void *rows[RK__COLUMNS_MAX];
    open_stage(f, 0);
    commit(f, 0, 0, BLOCK);
    assert_int_equal(rk__stage_rows(f->stage, BLOCK, BLOCK, rows, NULL), RK_OK);
    assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
    expect_sound(f, 1);
    rk__stage_abandon(f->stage);
    commit(f, 1, 0, 1);
    assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
    expect_sound(f, 2);
    close_stage(f);
}

static void flip(const char *path, uint64_t at) {
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    fputc(byte ^ 4, file);
    fclose(file);
}

static void a_rewrite_takes_the_other_slot_and_a_torn_one_does_not_count(void **state) {
    fixture *f = *state;
    rk__block_record entry;
    for (uint32_t generation = 1; generation <= 3; generation++) {
        open_stage(f, 0);
        commit(f, 3, generation * 100.0, BLOCK);
        assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
        assert_true(rk__record_block(f->record, 3, &entry));
        assert_int_equal(entry.generation, generation);
        expect_sound(f, 1);
        close_stage(f);
    }
    open_stage(f, 0);
    flip(f->path, rk__record_at(f->record, 0, 3) + 40); /* generation 3 lies in the first slot again */
    assert_true(rk__record_block(f->record, 3, &entry));
    assert_int_equal(entry.generation, 2);
    flip(f->path, rk__record_at(f->record, 1, 3) + 9);
    assert_false(rk__record_block(f->record, 3, &entry));
    close_stage(f);
}

static void a_record_in_another_place_is_not_valid(void **state) {
    fixture *f = *state;
    rk__block_record entry, other;
    open_stage(f, 0);
    commit(f, 3, 0, BLOCK);
    assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
    assert_true(rk__record_block(f->record, 3, &entry));
    assert_int_equal(rk__raw_write(f->record, &entry, sizeof entry, rk__record_at(f->record, 0, 4), NULL), RK_OK);
    assert_false(rk__record_block(f->record, 4, &other));
    close_stage(f);
}

static void damage_is_found(void **state) {
    fixture *f = *state;
    open_stage(f, 0);
    commit(f, 0, 0, BLOCK);
    commit(f, 1, 0, BLOCK);
    assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
    const uint64_t places[] = {f->record->column_at[0] + BLOCK * 8 + 3, f->record->column_at[1] + BLOCK,
                               rk__partial_at(f->record, 0, 1) + 17};
    for (size_t i = 0; i < 3; i++) {
        rk__verify_report report;
        flip(f->path, places[i]);
        assert_int_equal(rk__record_verify(f->record, &report, NULL, NULL, NULL), RK_OK);
        assert_int_equal(report.blocks_bad, 1);
        assert_int_equal(report.first_bad[0], 1);
        flip(f->path, places[i]);
    }
    expect_sound(f, 2);
    close_stage(f);
}

/* Blocks of session 0 were copied; a mark that was never written is of session 0 and epoch 0 too. */
static void copied_blocks_are_settled_by_the_first_session(void **state) {
    fixture *f = *state;
    rk__settle_report report;
    rk__session session = {.ranks = 1, .nodes = 1};
    uint16_t number;
    open_stage(f, 0); /* its session is 0 */
    commit(f, 0, 0, BLOCK);
    commit(f, 1, 0, BLOCK);
    assert_int_equal(rk__stage_flush(f->stage, NULL), RK_OK);
    flip(f->path, f->record->column_at[0] + 3);
    assert_int_equal(rk__record_settle(f->record, &(rk__settle_options){0}, &report, NULL), RK_OK);
    assert_int_equal(report.blocks_checked, 2);
    assert_int_equal(report.blocks_damaged, 1);
    expect_sound(f, 1);
    assert_int_equal(rk__record_session_begin(f->record, &session, &number, NULL), RK_OK);
    assert_int_equal(rk__record_settle(f->record, &(rk__settle_options){0}, &report, NULL), RK_OK);
    assert_int_equal(report.blocks_checked, 0);
    close_stage(f);
}

static void only_good_rows_are_hashed(void **state) {
    fixture *f = *state;
    const double rows[] = {1, 2, 3}, other[] = {1, -7, 3};
    const uint8_t status[] = {RK__TASK_OK, RK__TASK_FAILED, RK__TASK_OK};
    uint64_t a[2] = {0, 0}, b[2] = {0, 0}, parts[2] = {0, 0};
    rk__checksum_rows(a, &f->schema.columns[0], 10, 3, rows, status);
    rk__checksum_rows(b, &f->schema.columns[0], 10, 3, other, status);
    assert_memory_equal(a, b, sizeof a);
    rk__checksum_rows(parts, &f->schema.columns[0], 12, 1, rows + 2, status + 2);
    rk__checksum_rows(parts, &f->schema.columns[0], 10, 1, rows, status);
    assert_memory_equal(a, parts, sizeof a);
}

static void identity_is_held_against_the_file(void **state) {
    fixture *f = *state;
    rk__identity other = f->identity;
    open_stage(f, 0);
    assert_int_equal(rk__record_match(f->record, &other, &f->schema, false, NULL), RK_OK);
    other.seed = 8;
    assert_int_equal(rk__record_match(f->record, &other, &f->schema, false, NULL), RK_EMISMATCH);
    other = f->identity;
    other.content[0] ^= 1;
    assert_int_equal(rk__record_match(f->record, &other, &f->schema, false, NULL), RK_EMISMATCH);
    assert_int_equal(rk__record_match(f->record, &other, &f->schema, true, NULL), RK_OK);
    close_stage(f);
}

static void a_file_in_the_way_is_not_overwritten(void **state) {
    fixture *f = *state;
    rk__provenance provenance = {"", "", "", "", "", "", 1, 1};
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &provenance, false, &err),
                     RK_EEXIST);
    assert_non_null(strstr(err.message, "--force"));
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &provenance, true, &err), RK_OK);
}

static void put_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void force_overwrites_run_files_and_nothing_that_was_written_by_hand(void **state) {
    fixture *f = *state;
    rk__provenance provenance = {"", "", "", "", "", "", 1, 1};
    rk_error err = RK_ERROR_INIT;
    char text[32] = "";
    assert_int_equal(rk__place_check(f->path, true, &err), RK_OK);
    put_text(f->path, "");
    assert_int_equal(rk__place_check(f->path, true, &err), RK_OK);
    put_text(f->path, "int main(void);\n");
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &provenance, true, &err),
                     RK_EEXIST);
    assert_non_null(strstr(err.message, "remove it yourself"));
    FILE *file = fopen(f->path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "int main(void);\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_in_any_order_through_stages_of_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_counts_before_the_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flush_leaves_the_running_block_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rewrite_takes_the_other_slot_and_a_torn_one_does_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_in_another_place_is_not_valid, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(copied_blocks_are_settled_by_the_first_session, setup, teardown),
        cmocka_unit_test_setup_teardown(only_good_rows_are_hashed, setup, teardown),
        cmocka_unit_test_setup_teardown(identity_is_held_against_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_is_not_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(force_overwrites_run_files_and_nothing_that_was_written_by_hand, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
