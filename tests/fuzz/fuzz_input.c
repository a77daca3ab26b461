/* Hostile inputs: an HDF5 file with an input's patches in it is described, opened and read as a data set of a run.
 *
 * Patches: place (4 bytes), length, bytes. They hit the data and the attributes; the library's own structures (all
 * else) only if FUZZ_ANYWHERE is set. */
#include <fcntl.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RK_KERNEL_LINKED
#include "kernel/loader.h"
#include "space/space.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    rk_input input;
} params;

typedef struct {
    double y;
} result;

static int nothing(rk_task *task, const void *p, void *r) {
    (void)task, (void)p, (void)r;
    return RK_OK;
}

RK_KERNEL(fuzzed, .summary = "for fuzzing", .version = "1", .deterministic = true,
          .params = {RK_PARAM(params, input, RK_INPUT, NULL, NULL, "input")},
          .outputs = {RK_OUTPUT(result, y, RK_F64, "1", "y")}, .run = nothing)

enum { ROWS = 6, VALUES = 10 };

static struct {
    char path[64], settings[4][128];
    uint8_t *bytes;
    size_t size;
    uint64_t data_at;
    bool anywhere;
} base;

static void insist(bool ok, const char *what) {
    if (ok)
        return;
    fprintf(stderr, "fuzz_input: %s failed\n", what);
    abort();
}

static void make_file(void) {
    const hsize_t dims[] = {ROWS, VALUES}, chunk[] = {2, 5};
    double values[ROWS * VALUES], fill = -999;
    short shorts[ROWS * VALUES];
    for (int i = 0; i < ROWS * VALUES; i++) {
        values[i] = i % 7 == 0 ? fill : i;
        shorts[i] = (short)i;
    }
    hid_t file = H5Fcreate(base.path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5LTmake_dataset_double(file, "plain", 2, dims, values);
    H5LTset_attribute_double(file, "plain", "missing_value", &fill, 1);
    H5LTmake_dataset_short(file, "short", 2, dims, shorts);
    H5LTmake_dataset_string(file, "text", "no numbers");
    hid_t space = H5Screate_simple(2, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 2, chunk);
    H5Pset_deflate(list, 1);
    hid_t id = H5Dcreate2(file, "packed", H5T_IEEE_F32BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(id);
    id = H5Dopen2(file, "plain", H5P_DEFAULT);
    base.data_at = H5Dget_offset(id);
    H5Dclose(id);
    H5Pclose(list);
    H5Sclose(space);
    insist(H5Fclose(file) >= 0, "making the file");
}

static void remove_all(void) {
    unlink(base.path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char *const names[] = {"plain", "short", "text", "packed"};
    struct stat info;
    (void)argc, (void)argv;
    strcpy(base.path, "/tmp/rankine-fuzz-input-XXXXXX");
    close(mkstemp(base.path));
    atexit(remove_all);
    make_file();
    for (int i = 0; i < 4; i++)
        snprintf(base.settings[i], sizeof base.settings[i], "input=%s:/%s", base.path, names[i]);
    int fd = open(base.path, O_RDONLY);
    insist(fd >= 0 && fstat(fd, &info) == 0, base.path);
    base.size = (size_t)info.st_size;
    base.bytes = malloc(base.size);
    insist(pread(fd, base.bytes, base.size, 0) == (ssize_t)base.size, base.path);
    close(fd);
    base.anywhere = getenv("FUZZ_ANYWHERE") != NULL;
    return 0;
}

static void read_rows(rk__space *space) {
    rk__input_reader *reader = NULL;
    rk_error err = RK_ERROR_INIT;
    uint64_t row = space->input.row_values;
    if (row > 1 << 16 || rk__input_open(&reader, space, &err) != RK_OK)
        return;
    double *values = malloc((size_t)row * sizeof *values);
    for (uint64_t i = 0; i < space->input.rows && i < 8; i++)
        (void)rk__input_read(reader, i, 1, values, &err);
    free(values);
    rk__input_close(reader);
}

static void use(const char *setting) {
    rk__request request = {.settings = &setting, .setting_count = 1};
    rk__space *space = NULL;
    char *text = NULL;
    rk_error err = RK_ERROR_INIT;
    if (rk__space_describe(&rk_kernel_fuzzed, &request, &text, &err) == RK_OK &&
        rk__space_create(&space, &rk_kernel_fuzzed, text, true, &err) == RK_OK)
        read_rows(space);
    rk__space_destroy(space);
    free(text);
}

static void patch(int fd, uint32_t place, const uint8_t *bytes, size_t size) {
    uint64_t at = base.anywhere ? place % base.size : base.data_at + place % (ROWS * VALUES * 8);
    size_t left = (size_t)(base.size - at);
    size = size < left ? size : left;
    insist(pwrite(fd, bytes, size, (off_t)at) == (ssize_t)size, base.path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = open(base.path, O_WRONLY);
    insist(fd >= 0 && pwrite(fd, base.bytes, base.size, 0) == (ssize_t)base.size, base.path);
    while (size > 5) {
        uint32_t place;
        size_t length = (size_t)data[4] % 32 + 1;
        memcpy(&place, data, sizeof place);
        length = length < size - 5 ? length : size - 5;
        patch(fd, place, data + 5, length);
        data += 5 + length;
        size -= 5 + length;
    }
    close(fd);
    for (int i = 0; i < 4; i++)
        use(base.settings[i]);
    return 0;
}
