/* A run file that another process writes for us: its layout as text, and where its bytes go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "record/record_private.h"

/* Places in a fixed order: nonce, tables, columns, fields; then the schema. */
rk_status rk__record_layout(const rk__record *record, rk__text *layout, rk_error *err) {
    const uint64_t tables[] = {record->nonce[0],    record->nonce[1],    record->records_at, record->partials_at,
                               record->failures_at, record->sessions_at, record->marks_at,   record->finish_at};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        rk__text_add(layout, " %llu", (unsigned long long)tables[i]);
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++)
        rk__text_add(layout, " %llu", (unsigned long long)record->column_at[c]);
    rk__text_add(layout, "\n");
    rk__schema_write(&record->schema, layout);
    return layout->failed ? rk__fail(err, RK_ENOMEM, "no memory for the layout of the run file") : RK_OK;
}

static rk_status read_layout(rk__record *record, const char *layout, rk_error *err) {
    uint64_t *const tables[] = {&record->nonce[0],    &record->nonce[1],    &record->records_at, &record->partials_at,
                                &record->failures_at, &record->sessions_at, &record->marks_at,   &record->finish_at};
    const char *schema = strchr(layout, '\n');
    bool ok = schema != NULL;
    for (size_t i = 0; ok && i < sizeof tables / sizeof *tables; i++)
        ok = rk__words_next_u64(&layout, tables[i]);
    for (size_t c = 0; ok && c < RK__COLUMNS_MAX; c++)
        ok = rk__words_next_u64(&layout, &record->column_at[c]);
    return ok ? rk__schema_read(&record->schema, schema + 1, err)
              : rk__fail(err, RK_EFORMAT, "the layout of the run file came damaged");
}

rk_status rk__record_open_port(rk__record **out, const char *path, const char *layout, rk__port port, rk_error *err) {
    rk__record *record;
    RK_TRY(rk__alloc((void **)&record, 1, sizeof *record, "run file", err));
    record->fd = -1;
    record->writable = true;
    record->port = port;
    record->path = rk__strdup(path);
    rk_status status = read_layout(record, layout, err);
    if (status != RK_OK) {
        rk__record_close(record);
        return status;
    }
    *out = record;
    return RK_OK;
}

rk_status rk__record_move(rk__record *record, bool write, uint64_t at, void *bytes, size_t size, rk_error *err) {
    return write ? rk__raw_write(record, bytes, size, at, err) : rk__raw_read(record, bytes, size, at, err);
}

bool rk__record_is(const rk__record *record, const uint64_t nonce[2]) {
    return memcmp(record->nonce, nonce, sizeof record->nonce) == 0;
}

void rk__record_nonce(const rk__record *record, uint64_t nonce[2]) {
    memcpy(nonce, record->nonce, sizeof record->nonce);
}

bool rk__fd_is_shared_safely(int fd) {
#ifdef __linux__ /* magic numbers: statfs(2) */
    struct statfs disk;
    if (fstatfs(fd, &disk) == 0) {
        uint32_t magic = (uint32_t)disk.f_type;
        return magic != UINT32_C(0x6969) && magic != UINT32_C(0x517b) && magic != UINT32_C(0xff534d42) &&
               magic != UINT32_C(0xfe534d42);
    }
#endif
    (void)fd;
    return true;
}

bool rk__record_is_shared_safely(const rk__record *record) {
    return rk__fd_is_shared_safely(record->fd);
}
