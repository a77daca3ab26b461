/* Hostile run files: a real one, with an input's patches in it, is opened and read in every way that needs no kernel.
 *
 * An input is a list of patches: region, place in it (4 bytes), length, bytes. Regions are what Rankine itself reads
 * and believes nothing of: the texts, the tables, the rows, a log. Records and heads of log frames that were patched
 * are sealed again, and so is the file, so that what lies behind their checks is reached. The HDF5 library's own
 * structures are region 15, patched only if FUZZ_ANYWHERE is set: the library is not under test, and version 1.10 is
 * known to fall over some files. */
#include <fcntl.h>
#include <hdf5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RK_KERNEL_LINKED
#include "kernel/loader.h"
#include "record/log_private.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TASKS = 61, BLOCK = 4, BLOCKS = 16, COMMITTED = 16, REGIONS = 9, ANYWHERE = 15 };

typedef struct {
    double value;
    uint64_t *row;
} result;

static int nothing(rk_task *task, const void *p, void *r) {
    (void)task, (void)p, (void)r;
    return RK_OK;
}

RK_KERNEL(fuzzed, .summary = "for fuzzing", .version = "1", .deterministic = true,
          .outputs = {RK_OUTPUT(result, value, RK_F64, "1", "value"),
                      RK_OUTPUT_ROW(result, row, RK_U64, "1", "row", .shape = {"3"}),
                      RK_OUTPUT_VARYING("names", RK_U8, "1", "letters")},
          .reduce = {RK_REDUCE("value_sum", RK_SUM, value)}, .run = nothing)

typedef struct region {
    uint64_t at, bytes;
} region;

static struct {
    char directory[64], path[96], log[128];
    uint8_t *file, *log_bytes;
    size_t file_bytes, log_size;
    uint64_t trailer_at; /* where the HDF5 file ends */
    region regions[REGIONS];
    rk__record *record; /* of the whole file: knows the places, seals */
    bool anywhere;
} base;

static void insist(bool ok, const char *what) {
    if (ok)
        return;
    fprintf(stderr, "fuzz_run_file: %s failed\n", what);
    abort();
}
#define INSIST(call) insist((call) == RK_OK, #call)

/* ---- a real file ---- */

static void create_file(rk__space **space, rk__reducer **reducer) {
    const rk_kernel *kernel = &rk_kernel_fuzzed;
    rk__request request = {.repeat = TASKS};
    const rk__reduction_spec spec = {.name = "value_sum", .op = RK_SUM, .type = RK_F64, .elements = 1};
    rk__schema schema;
    char *text;
    INSIST(rk__space_describe(kernel, &request, &text, NULL));
    INSIST(rk__space_create(space, kernel, text, false, NULL));
    INSIST(rk__reducer_create(reducer, &spec, 1, NULL));
    INSIST(rk__schema_create(&schema, kernel, *space, *reducer, BLOCK, NULL));
    rk__identity identity = {strdup("fuzzed"), strdup("1"), strdup(""), {1, 2}, {3, 4}, 5, true, text};
    rk__provenance provenance = {"rankine run fuzzed", "/", "host", "user", "MPI", "", 1, 1};
    INSIST(rk__record_create(base.path, &schema, *space, &identity, &provenance, false, NULL));
    rk__identity_fini(&identity);
    rk__schema_fini(&schema);
}

static void fill_rows(void *const *rows, uint64_t first, uint64_t count, uint64_t sum[2], rk__log *log) {
    const rk__schema *schema = &base.record->schema;
    for (uint64_t i = 0; i < count; i++) {
        rk__stream stream = {.open = false};
        uint64_t task = first + i, hash[2];
        ((double *)rows[0])[i] = (double)task;
        for (int k = 0; k < 3; k++)
            ((uint64_t *)rows[1])[3 * i + (uint64_t)k] = task * 3;
        ((uint64_t *)rows[2])[i] = task % 5;
        ((uint8_t *)rows[3])[i] = RK__TASK_OK;
        if (task % 5 == 0)
            continue;
        INSIST(rk__log_add(log, task, 2, "abcde", task % 5, NULL));
        rk__stream_add(&stream, 2, task, "abcde", task % 5);
        rk__stream_end(&stream, hash);
        rk__checksum_add(sum, hash);
    }
    for (size_t c = 0; c < 3; c++)
        rk__checksum_rows(sum, &schema->columns[c], first, count, rows[c], rows[3]);
}

static void commit_blocks(uint16_t session) {
    rk__stage *stage;
    rk__log *log;
    void *rows[RK__COLUMNS_MAX], *partial = calloc(1, base.record->schema.partial_bytes);
    INSIST(rk__log_create(&log, base.record, session, 0, NULL));
    rk__stage_options options = {.session = session, .log = log};
    INSIST(rk__stage_create(&stage, base.record, &options, NULL));
    for (uint64_t block = 0; block < COMMITTED; block++) {
        uint64_t count = rk__schema_block_tasks(&base.record->schema, block);
        rk__block_record entry = {.start_ns = 1, .duration_ns = 1};
        rk__log_begin(log, block);
        INSIST(rk__stage_rows(stage, block * BLOCK, count, rows, NULL));
        fill_rows(rows, block * BLOCK, count, entry.checksum, log);
        INSIST(rk__log_end(log, NULL));
        INSIST(rk__stage_commit(stage, block, &entry, partial, NULL));
    }
    INSIST(rk__stage_flush(stage, NULL));
    rk__stage_destroy(stage);
    rk__log_destroy(log);
    free(partial);
}

static void commit_tables(uint16_t session) {
    rk__failure failure = {.task = 3, .code = 1, .attempts = 1, .message = "why"};
    rk__session end = {.end_ns = 2, .ranks = 1, .nodes = 1, .outcome = 2, .host = "host"};
    double results[8] = {0};
    INSIST(rk__record_write_failure(base.record, 0, session, &failure, NULL));
    INSIST(rk__record_mark(base.record, 0, session, 1, NULL));
    INSIST(rk__record_session_end(base.record, session, &end, NULL));
    INSIST(rk__record_finish(base.record, results, NULL));
}

static uint8_t *read_whole(const char *path, size_t *size) {
    struct stat info;
    int fd = open(path, O_RDONLY);
    insist(fd >= 0 && fstat(fd, &info) == 0, path);
    uint8_t *bytes = malloc((size_t)info.st_size);
    insist(pread(fd, bytes, (size_t)info.st_size, 0) == info.st_size, path);
    close(fd);
    *size = (size_t)info.st_size;
    return bytes;
}

static region text_region(const char *name) {
    hid_t file = H5Fopen(base.path, H5F_ACC_RDONLY, H5P_DEFAULT), id = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t type = H5Dget_type(id);
    region found = {H5Dget_offset(id), H5Tget_size(type)};
    H5Tclose(type);
    H5Dclose(id);
    H5Fclose(file);
    return found;
}

static void find_regions(void) {
    const rk__record *r = base.record;
    const region found[REGIONS] = {text_region("/rankine/schema"),
                                   text_region("/rankine/identity"),
                                   text_region("/rankine/space"),
                                   text_region("/rankine/provenance"),
                                   {r->records_at, 2 * BLOCKS * sizeof(rk__block_record)},
                                   {r->failures_at, 4 * RK__FAILURE_BYTES},
                                   {r->sessions_at, 4 * RK__SESSION_BYTES},
                                   {r->column_at[2], TASKS * 8},
                                   {0, base.log_size}};
    memcpy(base.regions, found, sizeof found);
}

static void remove_all(void) {
    rk__logs_remove(base.path);
    unlink(base.path);
    rmdir(base.directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    rk__space *space;
    rk__reducer *reducer;
    rk__session session = {.start_ns = 1, .ranks = 1, .nodes = 1, .host = "host"};
    uint16_t number;
    (void)argc, (void)argv;
    strcpy(base.directory, "/tmp/rankine-fuzz-XXXXXX");
    insist(mkdtemp(base.directory) != NULL, base.directory);
    snprintf(base.path, sizeof base.path, "%s/out.h5", base.directory);
    create_file(&space, &reducer);
    INSIST(rk__record_open(&base.record, base.path, true, NULL));
    INSIST(rk__record_session_begin(base.record, &session, &number, NULL));
    commit_blocks(number);
    commit_tables(number);
    snprintf(base.log, sizeof base.log, "%s.logs/%u-0.log", base.path, number);
    base.file = read_whole(base.path, &base.file_bytes);
    memcpy(&base.trailer_at, base.file + base.file_bytes - 24, sizeof base.trailer_at);
    base.log_bytes = read_whole(base.log, &base.log_size);
    base.anywhere = getenv("FUZZ_ANYWHERE") != NULL;
    find_regions();
    rk__verify_report report;
    INSIST(rk__record_verify(base.record, &report, NULL, NULL, NULL));
    insist(report.blocks_bad == 0 && report.totals.blocks_done == COMMITTED, "the file before it is patched");
    rk__space_destroy(space);
    rk__reducer_destroy(reducer);
    atexit(remove_all);
    return 0;
}

/* ---- an input ---- */

static void write_at(const char *path, const void *bytes, size_t size, uint64_t at) {
    int fd = open(path, O_WRONLY);
    insist(fd >= 0 && pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size, path);
    close(fd);
}

static void patch_record(uint64_t at, const uint8_t *bytes, size_t size) {
    uint64_t from = at - base.record->records_at, index = from / sizeof(rk__block_record);
    rk__block_record entry;
    uint64_t place = base.record->records_at + index * sizeof entry;
    memcpy(&entry, base.file + place, sizeof entry);
    size_t skip = (size_t)(from % sizeof entry), room = sizeof entry - skip;
    memcpy((char *)&entry + skip, bytes, size < room ? size : room);
    rk__block_seal(base.record, index % BLOCKS, &entry);
    write_at(base.path, &entry, sizeof entry, place);
}

static void patch_log(uint64_t at, const uint8_t *bytes, size_t size) {
    rk__log_frame frame;
    if (at + size > base.log_size)
        return;
    write_at(base.log, bytes, size, at);
    if (at + sizeof frame > base.log_size || at % 8 != 0)
        return;
    memcpy(&frame, base.log_bytes + at, sizeof frame);
    memcpy(&frame, bytes, size < sizeof frame ? size : sizeof frame);
    rk__log_seal(base.record, &frame, at);
    write_at(base.log, &frame, sizeof frame, at);
}

static void patch(unsigned where, uint32_t place, const uint8_t *bytes, size_t size) {
    if (where == ANYWHERE && base.anywhere)
        write_at(base.path, bytes, size, place % (base.file_bytes - 256));
    if (where >= REGIONS)
        return;
    const region *r = &base.regions[where];
    uint64_t at = r->at + place % r->bytes;
    size_t left = (size_t)(r->at + r->bytes - at), fits = size < left ? size : left;
    if (where == 4)
        patch_record(at, bytes, fits);
    else if (where == 8)
        patch_log(at, bytes, fits);
    else
        write_at(base.path, bytes, fits, at);
}

static void read_in_every_way(rk__record *record) {
    rk__totals totals;
    rk__failure *failures = NULL;
    rk__session *sessions = NULL;
    rk__fact *facts = NULL;
    rk__verify_report report;
    size_t count;
    uint64_t digest[2];
    rk_error err = RK_ERROR_INIT;
    (void)rk__record_scan(record, NULL, &totals, &err);
    if (rk__record_read_failures(record, &failures, &count, &err) == RK_OK)
        free(failures);
    if (rk__record_read_sessions(record, &sessions, &count, &err) == RK_OK)
        free(sessions);
    if (rk__record_read_facts(record, &facts, &count, &err) == RK_OK)
        rk__record_facts_free(facts, count);
    (void)rk__record_verify(record, &report, NULL, NULL, &err);
    (void)rk__record_digest(record, digest, &err);
    for (size_t c = 0; c < record->schema.column_count; c++)
        if (record->schema.columns[c].varying)
            (void)rk__record_count_values(record, c, &digest[0], &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rk__record *record = NULL;
    rk_error err = RK_ERROR_INIT;
    insist(truncate(base.path, (off_t)base.file_bytes) == 0, base.path);
    write_at(base.path, base.file, base.file_bytes, 0);
    write_at(base.log, base.log_bytes, base.log_size, 0);
    while (size > 6) {
        uint32_t place;
        size_t length = (size_t)data[5] % 64 + 1;
        memcpy(&place, data + 1, sizeof place);
        length = length < size - 6 ? length : size - 6;
        patch(data[0] % 16, place, data + 6, length);
        data += 6 + length;
        size -= 6 + length;
    }
    /* Sealed again, so that more than the seal is tried; one in eight is not. */
    if (size % 8 != 0)
        insist(truncate(base.path, (off_t)base.trailer_at) == 0 && rk__shell_write(base.record, NULL) == RK_OK, "seal");
    if (rk__record_open(&record, base.path, false, &err) == RK_OK)
        read_in_every_way(record);
    rk__record_close(record);
    return 0;
}
