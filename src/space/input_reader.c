/* Reading rows of the input. Conversion to double is HDF5's: integers beyond 2^53 are rounded. */
#include <inttypes.h>
#include <stdlib.h>

#include "space/source.h"
#include "space/space_private.h"

struct rk__input_reader {
    const rk__space_input *input; /* borrowed from the space */
    rk__source source;
    hid_t space; /* of the data set */
};

rk_status rk__input_open(rk__input_reader **out, const rk__space *space, rk_error *err) {
    void *bytes;
    RK_TRY(rk__alloc(&bytes, 1, sizeof(rk__input_reader), "the reader of the input", err));
    rk__input_reader *reader = bytes;
    *reader = (rk__input_reader){&space->input, RK__SOURCE_INIT, H5I_INVALID_HID};
    rk__source_errors errors = rk__source_quiet();
    rk_status status = rk__source_open(&reader->source, space->input.path, space->input.dataset, err);
    if (status == RK_OK)
        status = rk__source_set_cache(&reader->source, space->input.dataset, err);
    if (status == RK_OK)
        reader->space = H5Dget_space(reader->source.dataset);
    rk__source_loud(errors);
    if (status == RK_OK)
        *out = reader;
    else
        rk__input_close(reader);
    return status;
}

void rk__input_close(rk__input_reader *reader) {
    if (reader == NULL)
        return;
    if (reader->space >= 0)
        H5Sclose(reader->space);
    rk__source_close(&reader->source);
    free(reader);
}

static rk_status fail_row(const rk__space_input *input, uint64_t row, rk_error *err) {
    char reason[300];
    rk__source_reason(reason, sizeof reason);
    return rk__fail(err, RK_EIO, "input '%s': row %" PRIu64 " of '%s' can't be read: %s", input->path, row,
                    input->dataset, reason);
}

/* `count` rows that differ in the last task dimension only. */
static rk_status read_run(rk__input_reader *reader, uint64_t first, uint64_t count, double *values, rk_error *err) {
    const rk__space_input *input = reader->input;
    hsize_t start[H5S_MAX_RANK] = {0}, size[H5S_MAX_RANK], length = count * input->row_values;
    uint64_t outer = first;
    for (unsigned i = input->task_dims; i-- > 0; outer /= input->shape[i]) {
        start[i] = outer % input->shape[i];
        size[i] = 1;
    }
    size[input->task_dims - 1] = count;
    for (unsigned i = input->task_dims; i < input->dims; i++)
        size[i] = input->shape[i];
    if (H5Sselect_hyperslab(reader->space, H5S_SELECT_SET, start, NULL, size, NULL) < 0)
        return fail_row(input, first, err);
    hid_t memory = H5Screate_simple(1, &length, NULL);
    rk_status status = RK_OK;
    if (H5Dread(reader->source.dataset, H5T_NATIVE_DOUBLE, memory, reader->space, H5P_DEFAULT, values) < 0)
        status = fail_row(input, first, err); /* now: the next call clears HDF5's reason */
    H5Sclose(memory);
    return status;
}

static rk_status read_runs(rk__input_reader *reader, uint64_t first, uint64_t count, double *values, rk_error *err) {
    const rk__space_input *input = reader->input;
    uint64_t inner = input->shape[input->task_dims - 1];
    while (count > 0) {
        uint64_t left = inner - first % inner, run = count < left ? count : left;
        RK_TRY(read_run(reader, first, run, values, err));
        first += run;
        count -= run;
        values += run * input->row_values;
    }
    return RK_OK;
}

rk_status rk__input_read(rk__input_reader *reader, uint64_t first, uint64_t count, double *values, rk_error *err) {
    const rk__space_input *input = reader->input;
    if (first > input->rows || count > input->rows - first)
        return rk__fail(err, RK_EINVAL, "input '%s': rows %" PRIu64 " to %" PRIu64 " of %" PRIu64 " asked for",
                        input->path, first, first + count, input->rows);
    rk__source_errors errors = rk__source_quiet();
    rk_status status = read_runs(reader, first, count, values, err);
    rk__source_loud(errors);
    return status;
}
