/* The input data set: where it is, its shape, what stands for "missing", and a fingerprint that notices a change. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "space/source.h"
#include "space/space_private.h"

enum { SHAPE_MAX = sizeof(((rk__space_input *)0)->shape) / sizeof(uint64_t) };
enum { MISSING_MAX = sizeof(((rk__space_input *)0)->missing) / sizeof(double) };

void rk__space_input_fini(rk__space_input *input) {
    free(input->path);
    free(input->dataset);
    *input = (rk__space_input){0};
}

rk_status rk__input_count(rk__space_input *input, rk_error *err) {
    uint64_t rows = 1, row_values = 1;
    for (unsigned i = 0; i < input->dims; i++)
        if (input->shape[i] == 0 || !rk__mul_u64(i < input->task_dims ? rows : row_values, input->shape[i],
                                                 i < input->task_dims ? &rows : &row_values))
            return rk__fail(err, RK_EOVERFLOW, "input '%s': '%s' is empty or too large", input->path, input->dataset);
    if (rows > RK__TASKS_MAX || row_values > SIZE_MAX / 2 / sizeof(double))
        return rk__fail(err, RK_EOVERFLOW, "input '%s': '%s' has rows that are too many or too long", input->path,
                        input->dataset);
    input->rows = rows;
    input->row_values = row_values;
    return RK_OK;
}

/* ---- type and shape ---- */

static rk_status check_type(const rk__space_input *input, hid_t dataset, rk_error *err) {
    static const char *const names[] = {"integer",  "float",     "time", "string",          "bit field", "opaque",
                                        "compound", "reference", "enum", "variable length", "array"};
    hid_t type = H5Dget_type(dataset);
    H5T_class_t kind = H5Tget_class(type);
    H5Tclose(type);
    if (kind == H5T_INTEGER || kind == H5T_FLOAT)
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "input '%s': '%s' holds no numbers: its type is %s", input->path, input->dataset,
                    kind >= 0 && kind <= H5T_ARRAY ? names[kind] : "unknown");
}

static rk_status check_filters(const rk__space_input *input, hid_t dataset, rk_error *err) {
    hid_t creation = H5Dget_create_plist(dataset);
    rk_status status = RK_OK;
    int count = H5Pget_nfilters(creation);
    for (int i = 0; i < count && status == RK_OK; i++) {
        char name[64] = "";
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
        if (filter >= 0 && H5Zfilter_avail(filter) <= 0)
            status = rk__fail(err, RK_EUNSUPPORTED,
                              "input '%s': '%s' is compressed with filter %d (%s), which this "
                              "HDF5 does not have: set HDF5_PLUGIN_PATH, or rewrite the file "
                              "with h5repack",
                              input->path, input->dataset, (int)filter, name);
    }
    H5Pclose(creation);
    return status;
}

static rk_status take_shape(rk__space_input *input, hid_t space, rk_error *err) {
    hsize_t shape[H5S_MAX_RANK];
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    int dims = H5Sget_simple_extent_ndims(space);
    if (kind == H5S_NULL)
        return rk__fail(err, RK_EINVAL, "input '%s': '%s' is empty", input->path, input->dataset);
    if (kind != H5S_SIMPLE || dims < 1)
        return rk__fail(err, RK_EINVAL, "input '%s': '%s' is a single number: its rows would be the tasks", input->path,
                        input->dataset);
    if (dims > SHAPE_MAX)
        return rk__fail(err, RK_EUNSUPPORTED, "input '%s': '%s' has %d dimensions, at most %d can be read", input->path,
                        input->dataset, dims, SHAPE_MAX);
    if (input->task_dims > (unsigned)dims)
        return rk__fail(err, RK_EINVAL, "input '%s': '%s' has %d dimensions, so that %u of them can't be tasks",
                        input->path, input->dataset, dims, input->task_dims);
    H5Sget_simple_extent_dims(space, shape, NULL);
    input->dims = (unsigned)dims;
    for (int i = 0; i < dims; i++) {
        input->shape[i] = shape[i];
        if (shape[i] == 0)
            return rk__fail(err, RK_EINVAL, "input '%s': '%s' is empty: dimension %d has size 0", input->path,
                            input->dataset, i);
    }
    return rk__input_count(input, err);
}

static rk_status read_shape(rk__space_input *input, hid_t dataset, rk_error *err) {
    hid_t space = H5Dget_space(dataset);
    rk_status status = take_shape(input, space, err);
    H5Sclose(space);
    return status;
}

/* ---- missing values ---- */

/* As the data set's type would hold it: f32 data with a missing_value -1e34 in f64 hold another number. Integers stay:
 * a value out of their range can't occur, but would be clamped to one that can. */
static double as_stored(hid_t type, double value) {
    union {
        double value;
        unsigned char bytes[64];
    } held = {.value = value};
    if (H5Tget_class(type) != H5T_FLOAT || H5Tget_size(type) > sizeof held.bytes ||
        H5Tconvert(H5T_NATIVE_DOUBLE, type, 1, &held, NULL, H5P_DEFAULT) < 0 ||
        H5Tconvert(type, H5T_NATIVE_DOUBLE, 1, &held, NULL, H5P_DEFAULT) < 0)
        return value;
    return held.value;
}

static void add_missing(rk__space_input *input, double value) {
    for (uint64_t i = 0; i < input->missing_count; i++)
        if (input->missing[i] == value || (input->missing[i] != input->missing[i] && value != value))
            return;
    input->missing[input->missing_count++] = value;
}

/* Only the attributes count: HDF5's own fill value says nothing of what was written. */
static rk_status read_missing(rk__space_input *input, hid_t dataset, rk_error *err) {
    static const char *const names[] = {"missing_value", "_FillValue"};
    double values[MISSING_MAX];
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        if (!rk__source_numbers(dataset, names[i], values, MISSING_MAX, &count))
            return rk__fail(err, RK_EFORMAT,
                            "input '%s': attribute '%s' of '%s' must be a number (at most %d in all): "
                            "correct it in the file",
                            input->path, names[i], input->dataset, MISSING_MAX);
    hid_t type = H5Dget_type(dataset);
    input->missing_count = 0;
    for (size_t i = 0; i < count; i++)
        add_missing(input, as_stored(type, values[i]));
    H5Tclose(type);
    return RK_OK;
}

static rk_status inspect(rk__space_input *input, hid_t dataset, rk_error *err) {
    RK_TRY(check_type(input, dataset, err));
    RK_TRY(read_shape(input, dataset, err));
    RK_TRY(check_filters(input, dataset, err));
    return read_missing(input, dataset, err);
}

rk_status rk__input_inspect(rk__space_input *input, rk_error *err) {
    rk__source source = RK__SOURCE_INIT;
    rk__source_errors errors = rk__source_quiet();
    rk_status status = rk__source_open(&source, input->path, input->dataset, err);
    if (status == RK_OK)
        status = inspect(input, source.dataset, err);
    rk__source_close(&source);
    rk__source_loud(errors);
    return status;
}

/* ---- fingerprint ---- */

#define END_BYTES   UINT64_C(65536)
#define PIECE_BYTES UINT64_C(4096)
#define PIECES      UINT64_C(64)

static bool hash_piece(XXH3_state_t *state, int fd, uint64_t offset, size_t size) {
    char piece[PIECE_BYTES];
    while (size > 0) {
        ssize_t got = pread(fd, piece, size < sizeof piece ? size : sizeof piece, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0; /* shorter than it was: the size that is hashed too tells */
        XXH3_128bits_update(state, piece, (size_t)got);
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

/* All of a small file; of a large one both ends and PIECES pieces evenly between them. */
static bool hash_file(XXH3_state_t *state, int fd, uint64_t size) {
    const uint64_t ends = 2 * END_BYTES;
    if (size <= ends + PIECES * PIECE_BYTES)
        return hash_piece(state, fd, 0, (size_t)size);
    bool done = hash_piece(state, fd, 0, END_BYTES);
    for (uint64_t i = 0; i < PIECES && done; i++)
        done = hash_piece(state, fd, END_BYTES + (size - ends - PIECE_BYTES) / (PIECES - 1) * i, PIECE_BYTES);
    return done && hash_piece(state, fd, size - END_BYTES, END_BYTES);
}

static bool hash_open_file(XXH3_state_t *state, int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    uint64_t size = (uint64_t)status.st_size;
    XXH3_128bits_update(state, &size, sizeof size);
    return hash_file(state, fd, size);
}

/* What inspecting the data set found: a change of the shape or of what is missing may touch no sampled byte. */
static void hash_description(XXH3_state_t *state, const rk__space_input *input) {
    rk__text text = RK__TEXT_INIT;
    rk__text_add(&text, "%s\n", input->dataset);
    for (unsigned i = 0; i < input->dims; i++)
        rk__text_add(&text, "%" PRIu64 " ", input->shape[i]);
    for (uint64_t i = 0; i < input->missing_count; i++)
        rk__number_text(input->missing[i], &text);
    XXH3_128bits_update(state, rk__text_get(&text), text.length);
    rk__text_fini(&text);
}

/* The type as HDF5 encodes it: class, size, byte order, sign. */
static void hash_type(XXH3_state_t *state, hid_t dataset) {
    unsigned char encoded[256];
    size_t size = sizeof encoded;
    hid_t type = H5Dget_type(dataset);
    if (H5Tencode(type, NULL, &size) >= 0 && size <= sizeof encoded && H5Tencode(type, encoded, &size) >= 0)
        XXH3_128bits_update(state, encoded, size);
    H5Tclose(type);
}

static rk_status hash_source(XXH3_state_t *state, const rk__space_input *input, rk_error *err) {
    rk__source source = RK__SOURCE_INIT;
    RK_TRY(rk__source_open(&source, input->path, input->dataset, err));
    hash_type(state, source.dataset);
    rk__source_close(&source);
    int fd = open(input->path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && hash_open_file(state, fd);
    int failed = errno;
    if (fd >= 0)
        close(fd);
    return done ? RK_OK : rk__fail(err, RK_EIO, "input '%s': cannot be read: %s", input->path, rk__errno_text(failed));
}

rk_status rk__input_fingerprint(rk__space_input *input, rk_error *err) {
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for the fingerprint of the input");
    XXH3_128bits_reset(state);
    hash_description(state, input);
    rk__source_errors errors = rk__source_quiet();
    rk_status status = hash_source(state, input, err);
    rk__source_loud(errors);
    if (status == RK_OK) {
        XXH128_hash_t hash = XXH3_128bits_digest(state);
        input->fingerprint[0] = hash.high64;
        input->fingerprint[1] = hash.low64;
    }
    XXH3_freeState(state);
    return status;
}

/* ---- FILE:/PATH ---- */

/* The last ":/" parts the file from the data set: file names may hold colons. */
static const char *find_separator(const char *setting) {
    const char *found = NULL;
    for (const char *at = setting; (at = strstr(at, ":/")) != NULL; at++)
        found = at;
    return found;
}

/* What the file has, " (it has /a, /b)", if it is one. */
static void list_sets(const char *path, char *buffer, size_t size) {
    char list[600] = "";
    rk__source_errors errors = rk__source_quiet();
    rk__source_list(path, list, sizeof list);
    rk__source_loud(errors);
    snprintf(buffer, size, "%s%s%s", *list != '\0' ? " (" : "", list, *list != '\0' ? ")" : "");
}

static rk_status no_dataset(const rk_param *param, const char *setting, rk_error *err) {
    char list[620], file[4096];
    const char *colon = strrchr(setting, ':');
    bool forgot_slash = colon != NULL && colon > setting && colon[1] != '\0' && colon[1] != '/';
    snprintf(file, sizeof file, "%.*s", forgot_slash ? (int)(colon - setting) : (int)strlen(setting), setting);
    list_sets(file, list, sizeof list);
    if (forgot_slash)
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%.200s' names no data set: write %s=%.200s:/%.100s%s",
                        param->name, setting, param->name, file, colon + 1, list);
    return rk__fail(err, RK_EINVAL, "parameter '%s': '%.200s' names no data set: write %s=FILE.h5:/PATH%s", param->name,
                    setting, param->name, list);
}

/* Append a component of a path. ".." takes the one before it away, if that is a directory: a link may lead elsewhere,
 * also on another node. */
static void add_component(rk__text *path, const char *part, size_t length) {
    struct stat info;
    const char *before = strrchr(rk__text_get(path), '/');
    bool is_up = length == 2 && memcmp(part, "..", 2) == 0;
    if (is_up && before != NULL && strcmp(before, "/..") != 0 && lstat(path->data, &info) == 0 &&
        S_ISDIR(info.st_mode)) {
        path->length = (size_t)(before - path->data);
        path->data[path->length] = '\0';
    } else {
        rk__text_add_bytes(path, "/", 1);
        rk__text_add_bytes(path, part, length);
    }
}

/* Absolute, without "." and empty components, and without ".." where it is sure what that means. */
static char *absolute(const char *path, size_t length) {
    rk__text out = RK__TEXT_INIT;
    char directory[4096];
    if (*path != '/') {
        if (getcwd(directory, sizeof directory) == NULL)
            return NULL;
        rk__text_add(&out, "%s", strcmp(directory, "/") == 0 ? "" : directory);
    }
    for (size_t at = 0; at < length;) {
        size_t part = strcspn(path + at, "/");
        part = part < length - at ? part : length - at;
        if (part > 0 && !(part == 1 && path[at] == '.'))
            add_component(&out, path + at, part);
        at += part + 1;
    }
    char *result = out.failed ? NULL : rk__strdup(rk__text_get(&out));
    rk__text_fini(&out);
    return result;
}

static rk_status split_setting(rk__space_input *input, const char *setting, rk_error *err) {
    const char *separator = find_separator(setting);
    if (separator == NULL || separator == setting || separator[2] == '\0')
        return no_dataset(input->param, setting, err);
    input->path = absolute(setting, (size_t)(separator - setting));
    input->dataset = rk__strdup(separator + 1);
    if (input->path == NULL || input->dataset == NULL)
        return rk__fail(err, RK_EIO, "input '%.200s': its absolute path can't be found: %s", setting,
                        rk__errno_text(errno));
    return RK_OK;
}

rk_status rk__input_describe(rk__space_input *out, const rk_param *param, const char *setting, unsigned task_dims,
                             rk_error *err) {
    rk__space_input input = {.param = param, .task_dims = task_dims};
    rk_status status = split_setting(&input, setting, err);
    if (status == RK_OK)
        status = rk__input_inspect(&input, err);
    if (status == RK_OK)
        status = rk__input_fingerprint(&input, err);
    if (status == RK_OK)
        *out = input;
    else
        rk__space_input_fini(&input);
    return status;
}
