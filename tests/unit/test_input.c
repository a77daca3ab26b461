#include "space_fixture.h"

#include <math.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include <sys/stat.h>
#include <unistd.h>

#include "scratch_directory.h"
#include "space/source.h"

typedef struct row_params {
    rk_input input;
    uint32_t n;
} row_params;
typedef struct row_result {
    double sum;
} row_result;

static const rk_kernel rows = {.name = "rows",
                               .params = {RK_PARAM(row_params, input, RK_INPUT, NULL, NULL, "the data set"),
                                          RK_PARAM(row_params, n, RK_U32, "1", NULL, NULL)},
                               .outputs = {RK_OUTPUT(row_result, sum, RK_F64, NULL, NULL)}};

/* ---- files ---- */

/* What a data set of a test file is like. Zero chunk: contiguous. */
typedef struct dataset {
    const char *name;
    int dims;
    hsize_t shape[3], chunk[3];
    hid_t type;           /* in the file */
    const double *values; /* NULL: 0, 1, 2, … */
} dataset;

static hid_t add_dataset(hid_t file, const dataset *d) {
    hsize_t count = 1;
    for (int i = 0; i < d->dims; i++)
        count *= d->shape[i];
    double *counted = malloc((size_t)count * sizeof *counted + 1);
    for (hsize_t i = 0; i < count; i++)
        counted[i] = d->values != NULL ? d->values[i] : (double)i;
    hid_t space = H5Screate_simple(d->dims, d->shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, false); /* the same bytes a second later */
    if (d->chunk[0] > 0) {
        H5Pset_chunk(creation, d->dims, d->chunk);
        H5Pset_shuffle(creation);
        H5Pset_deflate(creation, 4);
    }
    hid_t id = H5Dcreate2(file, d->name, d->type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(id >= 0 && H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, counted) >= 0);
    H5Pclose(creation);
    H5Sclose(space);
    free(counted);
    return id;
}

static void add_number(hid_t object, const char *name, hid_t type, double value) {
    hid_t space = H5Screate(H5S_SCALAR), id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(id, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(id);
    H5Sclose(space);
}

static void write_dataset(const char *path, const dataset *d, const char *missing_name, hid_t missing_type,
                          double missing) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), id = add_dataset(file, d);
    if (missing_name != NULL)
        add_number(id, missing_name, missing_type, missing);
    H5Dclose(id);
    H5Fclose(file);
}

static const dataset plain = {"x", 2, {6, 4}, {0}, 0, NULL};

static void write_plain(const char *path) {
    dataset d = plain;
    d.type = H5T_IEEE_F64LE;
    write_dataset(path, &d, NULL, 0, 0);
}

/* ---- spaces and rows ---- */

static rk__space *space_of_rows(const char *settings, unsigned input_dims) {
    asked a;
    ask(&a, settings);
    a.request.input_dims = input_dims;
    return space_of_request(&rows, &a.request);
}

static void reads(const rk__space *space, uint64_t first, uint64_t count, double *values) {
    rk_error err = RK_ERROR_INIT;
    rk__input_reader *reader = NULL;
    if (rk__input_open(&reader, space, &err) != RK_OK || rk__input_read(reader, first, count, values, &err) != RK_OK)
        fail_msg("%s", err.message);
    rk__input_close(reader);
}

static void each_row_is_a_task(void **state) {
    (void)state;
    write_plain("plain.h5");
    rk__space *space = space_of_rows("input=plain.h5:/x n=1,2", 0);
    assert_int_equal(space->tasks, 12);
    assert_int_equal(space->input.rows, 6);
    assert_int_equal(space->input.row_values, 4);
    assert_int_equal(space->axes[0].kind, RK__AXIS_INPUT);
    assert_string_equal(space->axes[0].name, "input_0");
    assert_int_equal(space->axes[0].column_count, 0);
    assert_true(space->has_input && *space->input.path == '/');
    rk_task task = {0};
    rk__space_locate(space, 7, &task);
    assert_int_equal(task.input_index, 3);
    const row_params *p = space->base_params;
    assert_true(p->input.count == 4 && p->input.missing_count == 0 && p->input.missing == space->input.missing);
    double values[8];
    reads(space, 3, 2, values);
    for (int i = 0; i < 8; i++)
        assert_true(values[i] == 12 + i);
    rk__space_destroy(space);
}

static void several_leading_dimensions_can_be_tasks(void **state) {
    (void)state;
    const dataset cube = {"group_x", 3, {4, 5, 6}, {3, 2, 4}, H5T_STD_I32BE, NULL};
    write_dataset("cube.h5", &cube, NULL, 0, 0);
    rk__space *space = space_of_rows("input=cube.h5:/group_x", 2);
    assert_int_equal(space->tasks, 20);
    assert_int_equal(space->axis_count, 2);
    assert_string_equal(space->axes[1].name, "input_1");
    assert_int_equal(space->axes[0].stride, 5);
    double values[120];
    reads(space, 3, 13, values);
    for (int i = 0; i < 13 * 6; i++)
        assert_true(values[i] == 18 + i);
    rk__space_destroy(space);
    space = space_of_rows("input=cube.h5:/group_x", 3);
    assert_true(space->tasks == 120 && space->input.row_values == 1);
    reads(space, 7, 100, values);
    for (int i = 0; i < 100; i++)
        assert_true(values[i] == 7 + i);
    rk__space_destroy(space);
}

static void every_numeric_type_arrives_as_double(void **state) {
    (void)state;
    const hid_t types[] = {H5T_STD_I8LE,  H5T_STD_U8BE,  H5T_STD_I16BE,  H5T_STD_U16LE,  H5T_STD_I32LE, H5T_STD_U32BE,
                           H5T_STD_I64LE, H5T_STD_U64BE, H5T_IEEE_F32BE, H5T_IEEE_F32LE, H5T_IEEE_F64BE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const dataset d = {"x", 2, {7, 5}, {2, 3}, types[i], NULL};
        write_dataset("types.h5", &d, NULL, 0, 0);
        rk__space *space = space_of_rows("input=types.h5:/x", 1);
        double values[35];
        reads(space, 0, 7, values);
        for (int j = 0; j < 35; j++)
            assert_true(values[j] == j);
        rk__space_destroy(space);
    }
}

static size_t cache_bytes(hsize_t height, hsize_t width) {
    const dataset d = {"x", 2, {height, width}, {10, 4096}, H5T_IEEE_F64LE, NULL};
    hid_t file = H5Fcreate("chunks.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, d.shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 2, d.chunk);
    H5Dclose(H5Dcreate2(file, d.name, d.type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Pclose(creation);
    H5Sclose(space);
    H5Fclose(file);
    rk_error err = RK_ERROR_INIT;
    rk__source source = RK__SOURCE_INIT;
    assert_int_equal(rk__source_open(&source, "chunks.h5", "/x", &err), RK_OK);
    assert_int_equal(rk__source_set_cache(&source, "/x", &err), RK_OK);
    size_t slots, bytes = 0;
    double w0;
    hid_t access = H5Dget_access_plist(source.dataset);
    assert_true(H5Pget_chunk_cache(access, &slots, &bytes, &w0) >= 0);
    H5Pclose(access);
    rk__source_close(&source);
    return bytes;
}

/* Then no chunk is inflated twice when rows are walked in order. HDF5 counts nothing that shows it. */
static void chunk_cache_holds_a_band_of_rows_within_bounds(void **state) {
    (void)state;
    assert_int_equal(cache_bytes(100, 16 * 4096), 16 * 10 * 4096 * 8);
    assert_int_equal(cache_bytes(100, 16 * 4096 + 1), 17 * 10 * 4096 * 8);
    assert_int_equal(cache_bytes(100, UINT64_C(1) << 30), 64 << 20);
}

static void damaged_rows_are_told_with_the_reason(void **state) {
    (void)state;
    const dataset d = {"x", 2, {4, 4}, {2, 4}, H5T_IEEE_F64LE, NULL};
    hid_t file = H5Fcreate("damaged.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), id = add_dataset(file, &d);
    hsize_t second[2] = {2, 0};
    assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, 0, second, 8, "garbage!") >= 0);
    H5Dclose(id);
    H5Fclose(file);
    rk_error err = RK_ERROR_INIT;
    rk__space *space = space_of_rows("input=damaged.h5:/x", 1);
    rk__input_reader *reader = NULL;
    double values[4];
    assert_int_equal(rk__input_open(&reader, space, &err), RK_OK);
    assert_int_equal(rk__input_read(reader, 1, 1, values, &err), RK_OK);
    assert_int_equal(rk__input_read(reader, 3, 1, values, &err), RK_EIO);
    assert_non_null(strstr(err.message, "damaged.h5': row 3 of '/x' can't be read: "));
    assert_null(strstr(err.message, "no reason given"));
    rk__input_close(reader);
    rk__space_destroy(space);
}

static void rows_beyond_the_end_are_refused(void **state) {
    (void)state;
    write_plain("plain.h5");
    rk_error err = RK_ERROR_INIT;
    rk__space *space = space_of_rows("input=plain.h5:/x", 1);
    rk__input_reader *reader = NULL;
    double values[4];
    assert_int_equal(rk__input_open(&reader, space, &err), RK_OK);
    assert_int_equal(rk__input_read(reader, 6, 1, values, &err), RK_EINVAL);
    assert_int_equal(rk__input_read(reader, UINT64_MAX, 1, values, &err), RK_EINVAL);
    assert_int_equal(rk__input_read(reader, 5, UINT64_MAX, values, &err), RK_EINVAL);
    assert_int_equal(rk__input_read(reader, 5, 1, values, &err), RK_OK);
    rk__input_close(reader);
    rk__input_close(NULL);
    rk__space_destroy(space);
}

/* ---- missing values ---- */

static void missing_values_come_from_either_attribute(void **state) {
    (void)state;
    const dataset d = {"x", 2, {3, 4}, {2, 2}, H5T_STD_I16LE, NULL};
    write_dataset("missing.h5", &d, "_FillValue", H5T_STD_I16BE, -999);
    rk__space *space = space_of_rows("input=missing.h5:/x", 1);
    const row_params *p = space->base_params;
    assert_true(p->input.missing_count == 1 && p->input.missing[0] == -999);
    rk__space_destroy(space);
}

static void missing_value_is_rounded_as_the_data_are(void **state) {
    (void)state;
    static const double values[] = {1, -1e34, 3, 4};
    const dataset d = {"x", 2, {2, 2}, {0}, H5T_IEEE_F32LE, values};
    write_dataset("missing.h5", &d, "missing_value", H5T_IEEE_F64LE, -1e34);
    rk__space *space = space_of_rows("input=missing.h5:/x", 1);
    double row[2];
    reads(space, 0, 1, row);
    assert_int_equal(space->input.missing_count, 1);
    assert_true(row[1] == space->input.missing[0] && row[1] == (double)-1e34f);
    rk__space_destroy(space);
}

static void both_attributes_count_but_equal_ones_once(void **state) {
    (void)state;
    dataset d = plain;
    d.type = H5T_IEEE_F64LE;
    for (int equal = 0; equal < 2; equal++) {
        hid_t file = H5Fcreate("both.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), id = add_dataset(file, &d);
        add_number(id, "missing_value", H5T_IEEE_F64LE, NAN);
        add_number(id, "_FillValue", H5T_IEEE_F32LE, equal ? (double)NAN : 5);
        H5Dclose(id);
        H5Fclose(file);
        rk__space *space = space_of_rows("input=both.h5:/x", 1);
        assert_int_equal(space->input.missing_count, equal ? 1 : 2);
        assert_true(isnan(space->input.missing[0]));
        assert_true(equal || space->input.missing[1] == 5);
        rk__space *again = space_of_text(&rows, space->text);
        assert_memory_equal(&again->input.missing_count, &space->input.missing_count, sizeof(uint64_t));
        assert_true(isnan(again->input.missing[0]));
        rk__space_destroy(again);
        rk__space_destroy(space);
    }
}

static void hdf5_fill_value_is_not_missing(void **state) {
    (void)state;
    hsize_t shape[2] = {2, 2};
    double fill = -7;
    hid_t file = H5Fcreate("fill.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space_id = H5Screate_simple(2, shape, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &fill);
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F64LE, space_id, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Pclose(creation);
    H5Sclose(space_id);
    H5Fclose(file);
    rk__space *space = space_of_rows("input=fill.h5:/x", 1);
    double row[2];
    reads(space, 1, 1, row);
    assert_true(space->input.missing_count == 0 && row[0] == -7);
    rk__space_destroy(space);
}

/* ---- dimension scales ---- */

static void add_scale(hid_t file, hid_t target, unsigned dim, const char *name, const char *scale_name,
                      const double *values, hsize_t count) {
    const dataset d = {name, 1, {count}, {0}, H5T_IEEE_F32LE, values};
    hid_t id = add_dataset(file, &d);
    H5DSset_scale(id, scale_name);
    H5DSattach_scale(target, id, dim);
    H5LTset_attribute_string(file, name, "units", "degrees_north");
    H5LTset_attribute_string(file, name, "long_name", "latitude");
    H5Dclose(id);
}

static void write_scaled(const char *name, const char *scale_name) {
    static const double values[] = {-45, -15, 0, 15, 30, 45};
    dataset d = plain;
    d.type = H5T_IEEE_F64LE;
    hid_t file = H5Fcreate("scaled.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), id = add_dataset(file, &d);
    add_scale(file, id, 0, name, scale_name, values, 6);
    H5Dclose(id);
    H5Fclose(file);
}

static void dimension_scale_labels_the_axis(void **state) {
    (void)state;
    write_scaled("lat", "lat");
    rk__space *space = space_of_rows("input=scaled.h5:/x", 1);
    const rk__axis *axis = &space->axes[0];
    assert_string_equal(axis->name, "lat");
    assert_int_equal(axis->column_count, 1);
    assert_null(axis->columns[0].param);
    assert_string_equal(axis->columns[0].name, "lat");
    assert_string_equal(axis->columns[0].unit, "degrees_north");
    assert_string_equal(axis->columns[0].help, "latitude");
    assert_true(rk__axis_value(axis, &axis->columns[0], 1).as.f64 == -15);
    rk__space_destroy(space);
}

static void netcdf_dimension_without_variable_has_a_name_only(void **state) {
    (void)state;
    write_scaled("lat", "This is a netCDF dimension but not a netCDF variable.         6");
    rk__space *space = space_of_rows("input=scaled.h5:/x", 1);
    assert_string_equal(space->axes[0].name, "lat");
    assert_int_equal(space->axes[0].column_count, 0);
    rk__space_destroy(space);
}

static void scale_named_like_something_else_gives_way(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"sum", "sum_axis"}, {"n", "n_axis"}, {"a b", "a_b"}, {"rankine", "rankine_axis"}};
    for (size_t i = 0; i < 4; i++) {
        write_scaled(names[i][0], names[i][0]);
        rk__space *space = space_of_rows("input=scaled.h5:/x", 1);
        assert_string_equal(space->axes[0].name, names[i][1]);
        assert_string_equal(space->axes[0].columns[0].name, names[i][1]);
        rk__space_destroy(space);
    }
}

static void one_scale_for_two_dimensions_names_the_first(void **state) {
    (void)state;
    static const double values[] = {1, 2, 3};
    const dataset d = {"x", 2, {3, 3}, {0}, H5T_IEEE_F64LE, NULL};
    hid_t file = H5Fcreate("square.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), id = add_dataset(file, &d);
    add_scale(file, id, 0, "s", "s", values, 3);
    hid_t scale = H5Dopen2(file, "s", H5P_DEFAULT);
    H5DSattach_scale(id, scale, 1);
    H5Dclose(scale);
    H5Dclose(id);
    H5Fclose(file);
    rk__space *space = space_of_rows("input=square.h5:/x", 2);
    assert_string_equal(space->axes[0].name, "s");
    assert_string_equal(space->axes[1].name, "input_1");
    rk__space_destroy(space);
    space = space_of_rows("input=square.h5:/s", 1);
    assert_string_equal(space->axes[0].name, "input_0");
    rk__space_destroy(space);
}

/* ---- what is refused ---- */

static void write_odd(void) {
    hid_t file = H5Fcreate("odd.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    dataset d = plain;
    d.type = H5T_IEEE_F64LE;
    hid_t id = add_dataset(group, &d);
    H5LTset_attribute_string(group, "x", "missing_value", "-999");
    H5Dclose(id);
    hid_t none = H5Screate(H5S_NULL), scalar = H5Screate(H5S_SCALAR);
    H5Dclose(H5Dcreate2(file, "nothing", H5T_IEEE_F64LE, none, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Dclose(H5Dcreate2(file, "number", H5T_IEEE_F64LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5LTmake_dataset_string(file, "words", "some words");
    const dataset empty = {"empty", 2, {0, 4}, {0}, H5T_IEEE_F64LE, NULL};
    H5Dclose(add_dataset(file, &empty));
    H5Sclose(none);
    H5Sclose(scalar);
    H5Gclose(group);
    H5Fclose(file);
}

static void cut_file(const char *from, const char *to, size_t size) {
    char *bytes = calloc(size, 1);
    FILE *file = fopen(from, "rb");
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    write_file(to, bytes, size);
    free(bytes);
}

static void bad_inputs_get_one_clear_line(void **state) {
    (void)state;
    write_odd();
    write_plain("plain.h5");
    cut_file("plain.h5", "cut.h5", 1200);
    WRITE_TEXT("text.h5", "this is no HDF5 file");
    WRITE_TEXT("short.h5", "x");
    WRITE_TEXT("classic.nc", "CDF\001 and so on, as netCDF-3 files begin");
    static const struct {
        const char *settings;
        rk_status status;
        const char *words;
    } cases[] = {
        {"n=1", RK_EINVAL, "kernel 'rows' needs the parameter 'input', the data set: write input=FILE.h5:/PATH"},
        {"input=absent.h5:/x", RK_ENOENT, "absent.h5': cannot be opened: No such file or directory"},
        {"input=.:/x", RK_EINVAL, "is no file"},
        {"input=text.h5:/x", RK_EFORMAT, "is no HDF5 (or netCDF-4) file"},
        {"input=short.h5:/x", RK_EFORMAT, "is no HDF5 file"},
        {"input=classic.nc:/x", RK_EFORMAT, "convert it with `nccopy -k nc4`"},
        {"input=cut.h5:/x", RK_EFORMAT, "is an HDF5 file, but damaged or cut short"},
        {"input=plain.h5", RK_EINVAL, "'plain.h5' names no data set: write input=FILE.h5:/PATH (it has /x)"},
        {"input=plain.h5:x", RK_EINVAL, "'plain.h5:x' names no data set: write input=plain.h5:/x (it has /x)"},
        {"input=plain.h5:/", RK_EINVAL, "names no data set"},
        {"input=:/x", RK_EINVAL, "names no data set"},
        {"input=odd.h5:/y", RK_ENOENT, "no data set '/y': it has /empty, /group/x, /nothing, /number, /words"},
        {"input=odd.h5:/group/x/y", RK_ENOENT, "no data set '/group/x/y': it has"},
        {"input=odd.h5:/group", RK_EINVAL, "'/group' is a group, not a data set: it has /empty"},
        {"input=odd.h5:/words", RK_EINVAL, "'/words' holds no numbers: its type is string"},
        {"input=odd.h5:/number", RK_EINVAL, "'/number' is a single number"},
        {"input=odd.h5:/nothing", RK_EINVAL, "'/nothing' is empty"},
        {"input=odd.h5:/empty", RK_EINVAL, "'/empty' is empty: dimension 0 has size 0"},
        {"input=odd.h5:/group/x", RK_EFORMAT, "attribute 'missing_value' of '/group/x' must be a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(&rows, cases[i].settings, cases[i].status, cases[i].words);
    asked a;
    ask(&a, "input=plain.h5:/x");
    a.request.input_dims = 3;
    refuses_request(&rows, &a.request, RK_EINVAL, "has 2 dimensions, so that 3 of them can't be tasks");
}

static void more_than_eight_dimensions_are_refused(void **state) {
    (void)state;
    hsize_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    hid_t file = H5Fcreate("deep.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          space = H5Screate_simple(9, shape, NULL);
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Fclose(file);
    refuses(&rows, "input=deep.h5:/x", RK_EUNSUPPORTED, "'/x' has 9 dimensions, at most 8 can be read");
}

static void more_missing_values_than_fit_are_refused(void **state) {
    (void)state;
    const double values[5] = {1, 2, 3, 4, 5};
    for (size_t count = 4; count <= 5; count++) {
        write_plain("many.h5");
        hid_t file = H5Fopen("many.h5", H5F_ACC_RDWR, H5P_DEFAULT);
        H5LTset_attribute_double(file, "x", "missing_value", values, count);
        H5Fclose(file);
        if (count == 4)
            rk__space_destroy(space_of_rows("input=many.h5:/x", 1));
    }
    refuses(&rows, "input=many.h5:/x", RK_EFORMAT, "must be a number (at most 4 in all)");
}

static void an_input_stands_alone_and_only_once(void **state) {
    (void)state;
    write_plain("plain.h5");
    rk_kernel kernel = rows;
    kernel.params[1] = (rk_param){.name = "other", .size = sizeof(rk_input), .type = RK_INPUT, .preset = ""};
    refuses(&kernel, "input=plain.h5:/x other=plain.h5:/x", RK_EINVAL, "a run has one input, and 'input' is it");
    refuses(&rows, "input=plain.h5:/x,plain.h5:/x", RK_ENOENT, "cannot be opened");
    asked a;
    ask(&a, "");
    a.request.table = WRITE_TEXT("table.csv", "input\nplain.h5:/x\n");
    refuses_request(&rows, &a.request, RK_EINVAL, "an input stands in no table");
}

static void an_input_with_an_empty_preset_may_be_left_out(void **state) {
    (void)state;
    rk_kernel kernel = rows;
    kernel.params[0].preset = "";
    rk__space *space = space_of(&kernel, "n=3,4");
    const row_params *p = space->base_params;
    assert_true(space->tasks == 2 && !space->has_input && p->input.count == 0);
    rk__space_destroy(space);
}

/* Whatever the bytes: a status, nothing read out of bounds; the sanitizers watch. */
static void mutated_text_of_an_input_never_harms(void **state) {
    (void)state;
    write_plain("plain.h5");
    rk__space *good = space_of_rows("input=plain.h5:/x", 1);
    size_t length = strlen(good->text);
    unsigned refused = 0;
    for (size_t i = 0; i < 6 * length; i++) {
        char *text = rk__strdup(good->text);
        text[i / 6] = "09 -/\n"[i % 6];
        rk_error err = RK_ERROR_INIT;
        rk__space *space = NULL;
        rk_status status = rk__space_create(&space, &rows, text, false, &err);
        assert_true((space != NULL) == (status == RK_OK));
        refused += status != RK_OK;
        rk__space_destroy(space);
        free(text);
    }
    assert_true(refused > length && refused < 6 * length);
    rk__space_destroy(good);
}

static void nothing_is_left_open(void **state) {
    (void)state;
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

/* ---- changes ---- */

static void changed_input_is_a_mismatch(void **state) {
    (void)state;
    dataset d = plain;
    d.type = H5T_IEEE_F64LE;
    write_dataset("changing.h5", &d, NULL, 0, 0);
    rk__space *space = space_of_rows("input=changing.h5:/x", 1);
    char *text = rk__strdup(space->text);
    rk__space_destroy(space);
    rk_error err = RK_ERROR_INIT;
    static const double other[24] = {1};
    d.values = other;
    write_dataset("changing.h5", &d, NULL, 0, 0);
    assert_int_equal(rk__space_create(&space, &rows, text, true, &err), RK_EMISMATCH);
    assert_non_null(strstr(err.message, "was changed since the run began"));
    assert_int_equal(rk__space_create(&space, &rows, text, false, &err), RK_OK);
    rk__space_destroy(space);
    d.shape[0] = 5;
    write_dataset("changing.h5", &d, NULL, 0, 0);
    assert_int_equal(rk__space_create(&space, &rows, text, false, &err), RK_EMISMATCH);
    assert_non_null(strstr(err.message, "the shape of '/x' is not that of the run"));
    unlink("changing.h5");
    assert_int_equal(rk__space_create(&space, &rows, text, false, &err), RK_ENOENT);
    free(text);
}

static void fingerprint_samples_a_large_file(void **state) {
    (void)state;
    static double values[200000];
    uint64_t prints[4][2];
    for (int i = 0; i < 4; i++) {
        memset(values, 0, sizeof values);
        if (i == 1)
            for (size_t j = 100000; j < 110000; j++) /* 80 kB in the middle: no gap between samples is as long */
                values[j] = 1;
        if (i == 2)
            values[199999] = 1;
        const dataset d = {"x", 2, {1000, 200}, {0}, H5T_IEEE_F64LE, values};
        write_dataset("large.h5", &d, NULL, 0, 0);
        rk__space *space = space_of_rows("input=large.h5:/x", 1);
        memcpy(prints[i], space->input.fingerprint, sizeof prints[i]);
        rk__space_destroy(space);
    }
    assert_memory_not_equal(prints[0], prints[1], sizeof prints[0]);
    assert_memory_not_equal(prints[0], prints[2], sizeof prints[0]);
    assert_memory_equal(prints[0], prints[3], sizeof prints[0]);
}

static void paths_are_made_absolute(void **state) {
    write_plain("plain.h5");
    char expected[1024];
    snprintf(expected, sizeof expected, "%s/plain.h5", (const char *)*state);
    mkdir("k", 0777);
    mkdir("k/l", 0777);
    assert_int_equal(symlink("k/l", "link"), 0);
    static const char *const settings[] = {"input=.//./plain.h5:/x", "input=k/../plain.h5:/x",
                                           "input=k/l/.././../plain.h5:/x"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        rk__space *space = space_of_rows(settings[i], 1);
        assert_string_equal(space->input.path, expected);
        assert_string_equal(space->input.dataset, "/x");
        rk__space_destroy(space);
    }
    rk__space *space = space_of_rows("input=link/../../plain.h5:/x", 1); /* through k, not through where we are */
    snprintf(expected, sizeof expected, "%s/link/../../plain.h5", (const char *)*state);
    assert_string_equal(space->input.path, expected);
    rk__space_destroy(space);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_a_task),
        cmocka_unit_test(several_leading_dimensions_can_be_tasks),
        cmocka_unit_test(every_numeric_type_arrives_as_double),
        cmocka_unit_test(chunk_cache_holds_a_band_of_rows_within_bounds),
        cmocka_unit_test(damaged_rows_are_told_with_the_reason),
        cmocka_unit_test(rows_beyond_the_end_are_refused),
        cmocka_unit_test(missing_values_come_from_either_attribute),
        cmocka_unit_test(missing_value_is_rounded_as_the_data_are),
        cmocka_unit_test(both_attributes_count_but_equal_ones_once),
        cmocka_unit_test(hdf5_fill_value_is_not_missing),
        cmocka_unit_test(dimension_scale_labels_the_axis),
        cmocka_unit_test(netcdf_dimension_without_variable_has_a_name_only),
        cmocka_unit_test(scale_named_like_something_else_gives_way),
        cmocka_unit_test(one_scale_for_two_dimensions_names_the_first),
        cmocka_unit_test(bad_inputs_get_one_clear_line),
        cmocka_unit_test(more_than_eight_dimensions_are_refused),
        cmocka_unit_test(more_missing_values_than_fit_are_refused),
        cmocka_unit_test(an_input_stands_alone_and_only_once),
        cmocka_unit_test(an_input_with_an_empty_preset_may_be_left_out),
        cmocka_unit_test(mutated_text_of_an_input_never_harms),
        cmocka_unit_test(changed_input_is_a_mismatch),
        cmocka_unit_test(fingerprint_samples_a_large_file),
        cmocka_unit_test(paths_are_made_absolute),
        cmocka_unit_test(nothing_is_left_open),
    };
    return cmocka_run_group_tests(tests, enter_scratch_directory, leave_scratch_directory);
}
