/* Opening a file that may be anything: every size and offset is held against the file before it is used. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/types.h"
#include "record/record_private.h"

static rk_status not_ours(const char *path, const char *what, rk_error *err) {
    return rk__fail(err, RK_EFORMAT, "%s is not a Rankine run file: %s", path, what);
}

/* Where a data set's bytes lie; false unless they are `bytes` in all and inside the file. */
static bool locate(hid_t parent, const char *name, uint64_t bytes, uint64_t file_bytes, uint64_t *at) {
    hid_t id = H5Dopen2(parent, name, H5P_DEFAULT);
    if (id < 0)
        return false;
    hid_t space = H5Dget_space(id), type = H5Dget_type(id);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    uint64_t have;
    haddr_t offset = H5Dget_offset(id);
    bool ok = points >= 0 && rk__mul_u64((uint64_t)points, H5Tget_size(type), &have) && have == bytes &&
              offset != HADDR_UNDEF && bytes <= file_bytes && offset <= file_bytes - bytes;
    *at = offset;
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(id);
    return ok;
}

static char *read_text(hid_t group, const char *name, uint64_t file_bytes) {
    hid_t id = H5Dopen2(group, name, H5P_DEFAULT);
    if (id < 0)
        return NULL;
    char *text = NULL;
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    size_t size = H5Tget_size(type);
    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Sget_simple_extent_npoints(space) == 1 &&
        size > 0 && size <= file_bytes && (text = calloc(1, size + 1)) != NULL &&
        H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) {
        free(text);
        text = NULL;
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(id);
    return text;
}

static rk_status read_texts(rk__record *record, hid_t group, uint64_t file_bytes, rk_error *err) {
    char *schema = read_text(group, "schema", file_bytes), *identity = read_text(group, "identity", file_bytes);
    char *space = read_text(group, "space", file_bytes);
    record->provenance = read_text(group, "provenance", file_bytes);
    rk_status status = RK_OK;
    if (!schema || !identity || !space || !record->provenance)
        status = not_ours(record->path, "its description is missing or damaged", err);
    if (status == RK_OK)
        status = rk__schema_read(&record->schema, schema, err);
    if (status == RK_OK)
        status = rk__identity_read(&record->identity, identity, space, err);
    free(schema);
    free(identity);
    free(space);
    return status;
}

static rk_status read_numbers(rk__record *record, hid_t group, rk_error *err) {
    uint32_t format = 0;
    hid_t a = H5Aopen(group, "format", H5P_DEFAULT), b = H5Aopen(group, "nonce", H5P_DEFAULT);
    hid_t space = b >= 0 ? H5Aget_space(b) : H5I_INVALID_HID, scalar = a >= 0 ? H5Aget_space(a) : H5I_INVALID_HID;
    bool ok = a >= 0 && b >= 0 && H5Sget_simple_extent_npoints(space) == 2 &&
              H5Sget_simple_extent_npoints(scalar) == 1 && H5Aread(a, H5T_NATIVE_UINT32, &format) >= 0 &&
              H5Aread(b, H5T_NATIVE_UINT64, record->nonce) >= 0;
    H5Sclose(space);
    H5Sclose(scalar);
    H5Aclose(a);
    H5Aclose(b);
    if (!ok)
        return not_ours(record->path, "it has no format version", err);
    if (format != RK__FORMAT_VERSION)
        return rk__fail(err, RK_EFORMAT, "%s has format version %u; this Rankine reads version %d", record->path,
                        format, RK__FORMAT_VERSION);
    return RK_OK;
}

static rk_status damaged(const rk__record *record, const char *name, rk_error *err) {
    return rk__fail(err, RK_EFORMAT, "%s is truncated or damaged: data set '%s' is not where it should be",
                    record->path, name);
}

/* How many values a data set has; UINT64_MAX: it is not there, or not of that type's size. */
static uint64_t length_of(hid_t file, const char *name, size_t width) {
    uint64_t length = UINT64_MAX;
    hid_t id = H5Dopen2(file, name, H5P_DEFAULT);
    if (id < 0)
        return length;
    hid_t space = H5Dget_space(id), type = H5Dget_type(id);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    if (points >= 0 && H5Tget_size(type) == width)
        length = (uint64_t)points;
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(id);
    return length;
}

static rk_status locate_values(rk__record *record, hid_t file, size_t c, uint64_t file_bytes, rk_error *err) {
    rk__column *column = &record->schema.columns[c];
    char starts[96];
    uint64_t width = rk__type_bytes(column->values.type), count = length_of(file, column->values.name, width), bytes;
    snprintf(starts, sizeof starts, "%s_start", column->values.name);
    if (!locate(file, starts, record->schema.tasks * 8, file_bytes, &record->start_at[c]))
        return damaged(record, starts, err);
    if (count == UINT64_MAX || !rk__mul_u64(count, width, &bytes) ||
        (count > 0 && !locate(file, column->values.name, bytes, file_bytes, &record->values_at[c])))
        return damaged(record, column->values.name, err);
    record->values_count[c] = column->values.count = count;
    return RK_OK;
}

static rk_status locate_columns(rk__record *record, hid_t file, uint64_t file_bytes, rk_error *err) {
    const rk__schema *schema = &record->schema;
    for (size_t c = 0; c < schema->column_count; c++) {
        const rk__column *column = &schema->columns[c];
        if (column->keep &&
            !locate(file, column->name, schema->tasks * column->row_bytes, file_bytes, &record->column_at[c]))
            return damaged(record, column->name, err);
    }
    for (size_t c = 0; schema->folded && c < schema->column_count; c++)
        if (schema->columns[c].varying)
            RK_TRY(locate_values(record, file, c, file_bytes, err));
    RK_TRY(rk__alloc((void **)&record->field_at, schema->field_count, sizeof *record->field_at, "reductions", err));
    for (size_t f = 0; f < schema->field_count; f++) {
        const rk__result_field *field = &schema->fields[f];
        char name[96];
        snprintf(name, sizeof name, "/reduced/%s", field->name);
        if (!locate(file, name, field->count * rk__type_bytes(field->type), file_bytes, &record->field_at[f]))
            return damaged(record, name, err);
    }
    return RK_OK;
}

static rk_status locate_tables(rk__record *record, hid_t group, uint64_t file_bytes, rk_error *err) {
    const rk__schema *schema = &record->schema;
    uint64_t records, partials;
    if (!rk__mul_u64(schema->blocks, 2 * sizeof(rk__block_record), &records) ||
        !locate(group, "records", records, file_bytes, &record->records_at))
        return damaged(record, "records", err);
    if (schema->partial_bytes > 0 && (!rk__mul_u64(schema->blocks, 2 * (uint64_t)schema->partial_bytes, &partials) ||
                                      !locate(group, "partials", partials, file_bytes, &record->partials_at)))
        return damaged(record, "partials", err);
    if (!locate(group, "failures", (uint64_t)RK__FAILURES_MAX * RK__FAILURE_BYTES, file_bytes, &record->failures_at))
        return damaged(record, "failures", err);
    if (!locate(group, "sessions", (uint64_t)RK__SESSIONS_MAX * RK__SESSION_BYTES, file_bytes, &record->sessions_at))
        return damaged(record, "sessions", err);
    if (!locate(group, "marks", (uint64_t)RK__MARKS_MAX * RK__MARK_BYTES, file_bytes, &record->marks_at))
        return damaged(record, "marks", err);
    if (H5Lexists(group, "hosts", H5P_DEFAULT) > 0 &&
        !locate(group, "hosts", (uint64_t)RK__HOSTS_MAX * RK__HOST_BYTES, file_bytes, &record->hosts_at))
        return damaged(record, "hosts", err);
    if (!locate(group, "finish", RK__FINISH_BYTES, file_bytes, &record->finish_at))
        return damaged(record, "finish", err);
    return RK_OK;
}

static rk_status read_layout(rk__record *record, hid_t file, uint64_t file_bytes, rk_error *err) {
    hid_t group = H5Gopen2(file, "/rankine", H5P_DEFAULT);
    if (group < 0)
        return not_ours(record->path, "it has no group /rankine", err);
    rk_status status = read_numbers(record, group, err);
    if (status == RK_OK)
        status = read_texts(record, group, file_bytes, err);
    if (status == RK_OK)
        status = locate_tables(record, group, file_bytes, err);
    if (status == RK_OK)
        status = locate_columns(record, file, file_bytes, err);
    H5Gclose(group);
    return status;
}

static hid_t open_hdf5(const char *path) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

static rk_status read_file(rk__record *record, uint64_t file_bytes, rk_error *err) {
    rk_status status = RK_OK;
    H5E_BEGIN_TRY {
        hid_t file = open_hdf5(record->path);
        if (file < 0)
            status = not_ours(
                record->path,
                H5Fis_hdf5(record->path) > 0 ? "it is truncated or damaged HDF5" : "it is not an HDF5 file", err);
        else
            status = read_layout(record, file, file_bytes, err);
        if (file >= 0)
            H5Fclose(file);
    }
    H5E_END_TRY
    return status;
}

/* O_NONBLOCK: a pipe is refused, not waited for. */
static rk_status open_file(rk__record *record, bool sealed, rk_error *err) {
    struct stat info;
    record->fd = open(record->path, (record->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (record->fd < 0)
        return rk__fail(err,
                        errno == ENOENT                     ? RK_ENOENT
                        : errno == EACCES || errno == EROFS ? RK_EPERM
                                                            : RK_EIO,
                        "run file '%s': %s", record->path, rk__errno_text(errno));
    if (fstat(record->fd, &info) != 0 || !S_ISREG(info.st_mode))
        return not_ours(record->path, "it is not a regular file", err);
    if (sealed)
        RK_TRY(rk__shell_check(record, err));
    return read_file(record, (uint64_t)info.st_size, err);
}

static rk_status open_record(rk__record **out, const char *path, bool writable, bool sealed, rk_error *err) {
    rk__record *record;
    RK_TRY(rk__alloc((void **)&record, 1, sizeof *record, "run file", err));
    record->fd = -1;
    record->writable = writable;
    record->path = rk__strdup(path);
    rk_status status = record->path ? open_file(record, sealed, err) : rk__fail(err, RK_ENOMEM, "no memory for a path");
    if (status != RK_OK) {
        rk__record_close(record);
        return status;
    }
    *out = record;
    return RK_OK;
}

rk_status rk__record_open(rk__record **out, const char *path, bool writable, rk_error *err) {
    return open_record(out, path, writable, true, err);
}

rk_status rk__record_open_unsealed(rk__record **out, const char *path, rk_error *err) {
    return open_record(out, path, true, false, err);
}

void rk__record_close(rk__record *record) {
    if (record == NULL)
        return;
    if (record->fd >= 0)
        close(record->fd);
    rk__schema_fini(&record->schema);
    rk__identity_fini(&record->identity);
    free(record->field_at);
    free(record->provenance);
    free(record->path);
    free(record);
}

const rk__schema *rk__record_schema(const rk__record *record) {
    return &record->schema;
}

void rk__record_take_schema(rk__record *record, rk__schema *out) {
    *out = record->schema;
    record->schema = (rk__schema){0};
}

const rk__identity *rk__record_identity(const rk__record *record) {
    return &record->identity;
}

const char *rk__record_path(const rk__record *record) {
    return record->path;
}

rk_status rk__record_read_facts(rk__record *record, rk__fact **out, size_t *count, rk_error *err) {
    enum { FACTS_MAX = 64 };
    char key[64], value[16384];
    rk__fact *facts;
    RK_TRY(rk__alloc((void **)&facts, FACTS_MAX, sizeof *facts, "provenance", err));
    *count = 0;
    for (const char *line = record->provenance; line != NULL && *line != '\0' && *count < FACTS_MAX;) {
        const char *at = line;
        if (rk__words_next(&at, key, sizeof key) && rk__words_next(&at, value, sizeof value))
            facts[(*count)++] = (rk__fact){rk__strdup(key), rk__strdup(value)};
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    *out = facts;
    return RK_OK;
}

void rk__record_facts_free(rk__fact *facts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(facts[i].key);
        free(facts[i].value);
    }
    free(facts);
}
