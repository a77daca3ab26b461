/* The axes that an input gives: names and coordinates from its dimension scales, which is how netCDF-4 labels too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5_hl.h>

#include "space/source.h"
#include "space/space_private.h"

enum { AXIS_NAME_MAX = 64 };

typedef struct scale {
    uint64_t size; /* of the dimension */
    char name[AXIS_NAME_MAX];
    char *unit, *help;
    rk__value *values; /* [size], or NULL */
} scale;

static void scale_fini(scale *s) {
    free(s->unit);
    free(s->help);
    free(s->values);
}

/* ---- reading a scale ---- */

/* The name of an axis: the last part of the scale's path, since that is what other readers show. netCDF-4 marks a
 * scale whose name a variable has, too, by a prefix. */
static void take_name(scale *s, hid_t id) {
    static const char prefix[] = "_nc4_non_coord_";
    char path[1024] = "";
    if (H5Iget_name(id, path, sizeof path) <= 0)
        return;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    name += strncmp(name, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    snprintf(s->name, sizeof s->name, "%.*s", AXIS_NAME_MAX - 1, name);
    for (char *c = s->name; *c != '\0'; c++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", *c) == NULL)
            *c = '_';
}

/* netCDF-4 keeps dimensions without coordinates as scales whose NAME says so, and never writes their values. */
static bool has_coordinates(hid_t id, uint64_t size) {
    static const char mark[] = "This is a netCDF dimension but not a netCDF variable";
    char name[128] = "";
    H5DSget_scale_name(id, name, sizeof name);
    hid_t space = H5Dget_space(id), type = H5Dget_type(id);
    H5T_class_t kind = H5Tget_class(type);
    bool fits = H5Sget_simple_extent_ndims(space) == 1 && (uint64_t)H5Sget_simple_extent_npoints(space) == size;
    H5Sclose(space);
    H5Tclose(type);
    return fits && (kind == H5T_INTEGER || kind == H5T_FLOAT) && strncmp(name, mark, sizeof mark - 1) != 0;
}

static void read_values(scale *s, hid_t id) {
    double *values = malloc((size_t)s->size * sizeof *values);
    s->values = malloc((size_t)s->size * sizeof *s->values);
    bool done = values != NULL && s->values != NULL &&
                H5Dread(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    for (uint64_t i = 0; i < s->size && done; i++)
        s->values[i].as.f64 = values[i];
    if (!done) {
        free(s->values);
        s->values = NULL;
    }
    free(values);
}

/* The first scale of a dimension counts; any that can't be read leaves the axis without coordinates. */
static herr_t visit(hid_t dataset, unsigned dim, hid_t id, void *ctx) {
    (void)dataset;
    (void)dim;
    scale *s = ctx;
    take_name(s, id);
    if (s->size <= RK__COORDINATES_MAX && has_coordinates(id, s->size)) {
        read_values(s, id);
        s->unit = rk__source_text(id, "units");
        s->help = rk__source_text(id, "long_name");
    }
    return 1;
}

static bool has_name(const rk__axis *axes, unsigned count, const char *name) {
    for (unsigned i = 0; i < count; i++)
        if (strcmp(axes[i].name, name) == 0)
            return true;
    return false;
}

/* ---- an axis ---- */

static rk_status build_axis(rk__axis *axis, scale *s, const rk__axis *before, unsigned dim, rk_error *err) {
    if (*s->name == '\0' || has_name(before, dim, s->name))
        snprintf(s->name, sizeof s->name, "input_%u", dim);
    *axis = (rk__axis){.kind = RK__AXIS_INPUT, .count = s->size, .name = rk__strdup(s->name)};
    if (axis->name == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for the axes of the input");
    if (s->values == NULL)
        return RK_OK;
    void *column;
    const rk_param labels = {.name = s->name, .unit = s->unit, .help = s->help};
    RK_TRY(rk__alloc(&column, 1, sizeof *axis->columns, "the axes of the input", err));
    axis->columns = column;
    RK_TRY(rk__axis_column_init(axis->columns, &labels, err));
    axis->column_count = 1;
    axis->columns->param = NULL;
    axis->columns->list = s->values;
    s->values = NULL;
    return RK_OK;
}

static rk_status read_axis(rk__axis *axes, unsigned dim, hid_t dataset, uint64_t size, rk_error *err) {
    scale s = {.size = size};
    if (H5DSis_scale(dataset) <= 0 && H5DSget_num_scales(dataset, dim) > 0)
        H5DSiterate_scales(dataset, dim, NULL, visit, &s);
    rk_status status = build_axis(&axes[dim], &s, axes, dim, err);
    scale_fini(&s);
    if (status != RK_OK)
        rk__axis_fini(&axes[dim]);
    return status;
}

static rk_status read_axes(const rk__space_input *input, rk__axis *axes, rk_error *err) {
    rk__source source = RK__SOURCE_INIT;
    RK_TRY(rk__source_open(&source, input->path, input->dataset, err));
    rk_status status = RK_OK;
    unsigned done = 0;
    for (; done < input->task_dims && status == RK_OK; done++)
        status = read_axis(axes, done, source.dataset, input->shape[done], err);
    for (unsigned i = 0; status != RK_OK && i < done; i++)
        rk__axis_fini(&axes[i]);
    rk__source_close(&source);
    return status;
}

rk_status rk__input_axes(const rk__space_input *input, rk__axis *axes, rk_error *err) {
    rk__source_errors errors = rk__source_quiet();
    rk_status status = read_axes(input, axes, err);
    rk__source_loud(errors);
    return status;
}
