/* What a reader sees: outputs with their axes as dimension scales, as netCDF-4 and xarray want them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/types.h"
#include "kernel/loader.h"
#include "record/record_private.h"

enum {
    COORDINATES_MAX = 1 << 22,
    SCALES_MAX = RK_AXES_MAX + RK__COLUMNS_MAX * (RK_DIMS_MAX + 1),
    DIMS_MAX = RK_AXES_MAX + RK_DIMS_MAX
};

typedef struct scale {
    char name[80];
    uint64_t size;
    hid_t id;
} scale;

typedef struct labels {
    hid_t file;
    scale scales[SCALES_MAX];
    size_t count;
} labels;

static const char dimension_only[] = "This is a netCDF dimension but not a netCDF variable.%10llu";

hid_t rk__type_hdf5(rk_type type) {
    switch (type) {
    case RK_I8:
        return H5T_STD_I8LE;
    case RK_U8:
    case RK_BOOL:
        return H5T_STD_U8LE;
    case RK_I16:
        return H5T_STD_I16LE;
    case RK_U16:
        return H5T_STD_U16LE;
    case RK_I32:
        return H5T_STD_I32LE;
    case RK_U32:
        return H5T_STD_U32LE;
    case RK_I64:
        return H5T_STD_I64LE;
    case RK_U64:
        return H5T_STD_U64LE;
    case RK_F32:
        return H5T_IEEE_F32LE;
    default:
        return H5T_IEEE_F64LE;
    }
}

bool rk__attribute_text(hid_t object, const char *name, const char *value) {
    if (value == NULL || value[0] == '\0')
        return true;
    return H5LTset_attribute_string(object, ".", name, value) >= 0;
}

hid_t rk__dataset_create(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *dims, const void *fill) {
    hid_t space = rank > 0 ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(list, H5D_CONTIGUOUS);
    H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(list, fill ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER);
    H5Pset_attr_phase_change(list, 64, 0);
    if (fill != NULL)
        H5Pset_fill_value(list, type, fill);
    hid_t id = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Pclose(list);
    H5Sclose(space);
    return id;
}

/* A dimension without coordinates: allocated late and never written. */
static hid_t create_bare_scale(hid_t parent, const char *name, uint64_t size) {
    hsize_t dims = size;
    char text[96];
    hid_t space = H5Screate_simple(1, &dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(list, H5D_ALLOC_TIME_LATE);
    hid_t id = H5Dcreate2(parent, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    snprintf(text, sizeof text, dimension_only, (unsigned long long)size);
    if (id >= 0)
        H5DSset_scale(id, text);
    H5Pclose(list);
    H5Sclose(space);
    return id;
}

/* ---- coordinates ---- */

static bool is_text(const rk__axis_column *column) {
    return column->param != NULL && (column->param->type == RK_STRING || column->param->type == RK_ENUM);
}

static rk_type coordinate_type(const rk__axis_column *column) {
    return column->param ? column->param->type : RK_F64;
}

static bool write_text_values(hid_t id, hid_t type, const rk__axis *axis, const rk__axis_column *column) {
    char **values = calloc(axis->count, sizeof *values);
    bool ok = values != NULL;
    for (uint64_t i = 0; ok && i < axis->count; i++) {
        rk__text text = RK__TEXT_INIT;
        rk__value_text(column->param, rk__axis_value(axis, column, i), &text);
        values[i] = rk__strdup(rk__text_get(&text));
        rk__text_fini(&text);
        ok = values[i] != NULL;
    }
    ok = ok && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    for (uint64_t i = 0; values != NULL && i < axis->count; i++)
        free(values[i]);
    free(values);
    return ok;
}

static bool write_number_values(hid_t id, const rk__axis *axis, const rk__axis_column *column) {
    rk_type type = coordinate_type(column);
    bool real = rk__type_is_float(type),
         is_signed = type == RK_I8 || type == RK_I16 || type == RK_I32 || type == RK_I64;
    uint64_t *values = malloc((size_t)axis->count * sizeof *values);
    for (uint64_t i = 0; values != NULL && i < axis->count; i++)
        values[i] = rk__axis_value(axis, column, i).as.u64;
    hid_t memory = real ? H5T_NATIVE_DOUBLE : is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
    bool ok = values != NULL && H5Dwrite(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    free(values);
    return ok;
}

static hid_t create_coordinates(labels *all, const rk__axis *axis, const rk__axis_column *column) {
    hsize_t dims = axis->count;
    hid_t type = rk__type_hdf5(coordinate_type(column));
    bool text = is_text(column), ok;
    if (text) {
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, H5T_VARIABLE);
        H5Tset_cset(type, H5T_CSET_UTF8);
    }
    hid_t id;
    if (text) { /* fill NEVER is not for variable-length types */
        hid_t space = H5Screate_simple(1, &dims, NULL);
        id = H5Dcreate2(all->file, column->name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Sclose(space);
    } else {
        id = rk__dataset_create(all->file, column->name, type, 1, &dims, NULL);
    }
    ok = id >= 0 && (text ? write_text_values(id, type, axis, column) : write_number_values(id, axis, column)) &&
         rk__attribute_text(id, "units", text ? NULL : column->unit) &&
         rk__attribute_text(id, "long_name", column->help);
    if (text)
        H5Tclose(type);
    if (!ok && id >= 0) {
        H5Dclose(id);
        id = H5I_INVALID_HID;
    }
    return id;
}

static rk_status no_label(const char *name, rk_error *err) {
    return rk__fail(err, RK_EHDF5, "HDF5 could not create data set '%s' (is the name used twice?)", name);
}

static rk_status add_scale(labels *all, const char *name, uint64_t size, hid_t id, rk_error *err) {
    if (id < 0)
        return no_label(name, err);
    scale *added = &all->scales[all->count++];
    snprintf(added->name, sizeof added->name, "%s", name);
    added->size = size;
    added->id = id;
    return RK_OK;
}

/* Columns of a zip or a table that do not name the axis are variables over it. */
static rk_status create_side_columns(labels *all, const rk__axis *axis, hid_t scale_id, rk_error *err) {
    for (size_t c = 0; c < axis->column_count && axis->count <= COORDINATES_MAX; c++) {
        if (strcmp(axis->columns[c].name, axis->name) == 0)
            continue;
        hid_t id = create_coordinates(all, axis, &axis->columns[c]);
        if (id < 0)
            return no_label(axis->columns[c].name, err);
        H5DSattach_scale(id, scale_id, 0);
        H5Dclose(id);
    }
    return RK_OK;
}

static rk_status create_axis(labels *all, const rk__axis *axis, rk_error *err) {
    const rk__axis_column *own = NULL;
    for (size_t c = 0; c < axis->column_count; c++)
        if (strcmp(axis->columns[c].name, axis->name) == 0)
            own = &axis->columns[c];
    hid_t id;
    if (own != NULL && axis->count <= COORDINATES_MAX) {
        id = create_coordinates(all, axis, own);
        if (id >= 0)
            H5DSset_scale(id, axis->name);
    } else {
        id = create_bare_scale(all->file, axis->name, axis->count);
    }
    RK_TRY(add_scale(all, axis->name, axis->count, id, err));
    return create_side_columns(all, axis, id, err);
}

/* ---- outputs ---- */

static rk_status inner_scale(labels *all, const char *name, uint64_t size, hid_t *id, rk_error *err) {
    for (size_t s = 0; s < all->count; s++)
        if (strcmp(all->scales[s].name, name) == 0 && all->scales[s].size == size) {
            *id = all->scales[s].id;
            return RK_OK;
        }
    *id = create_bare_scale(all->file, name, size);
    return add_scale(all, name, size, *id, err);
}

static rk_status attach_scales(labels *all, hid_t id, const rk__column *column, const rk__space *space, rk_error *err) {
    for (size_t a = 0; a < space->axis_count; a++)
        if (H5DSattach_scale(id, all->scales[a].id, (unsigned)a) < 0)
            return no_label(column->name, err);
    for (unsigned d = 0; d < column->dim_count; d++) {
        hid_t inner;
        RK_TRY(inner_scale(all, column->dims[d].name, column->dims[d].size, &inner, err));
        if (H5DSattach_scale(id, inner, (unsigned)space->axis_count + d) < 0)
            return no_label(column->name, err);
    }
    return RK_OK;
}

static rk_status create_output(labels *all, const rk__column *column, const rk__schema *schema, const rk__space *space,
                               rk_error *err) {
    hsize_t dims[DIMS_MAX];
    int rank = 0;
    static const unsigned char zero[8] = {0};
    for (size_t a = 0; a < space->axis_count; a++)
        dims[rank++] = space->axes[a].count;
    for (unsigned d = 0; d < column->dim_count; d++)
        dims[rank++] = column->dims[d].size;
    bool filled = schema->tasks * column->row_bytes <= RK__FILL_BYTES_MAX;
    hid_t type = rk__type_hdf5(column->type);
    hid_t id = rk__dataset_create(all->file, column->name, type, rank, dims,
                                  !filled            ? NULL
                                  : column->has_fill ? column->fill
                                                     : zero);
    if (id < 0)
        return no_label(column->name, err);
    rk_status status = attach_scales(all, id, column, space, err);
    if (status == RK_OK && column->has_fill) {
        hid_t scalar = H5Screate(H5S_SCALAR),
              attribute = H5Acreate2(id, "_FillValue", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
        if (attribute < 0 || H5Awrite(attribute, type, column->fill) < 0)
            status = no_label(column->name, err);
        H5Aclose(attribute);
        H5Sclose(scalar);
    }
    if (!rk__attribute_text(id, "units", column->unit) || !rk__attribute_text(id, "long_name", column->help))
        status = no_label(column->name, err);
    H5Dclose(id);
    return status;
}

/* ---- results of reductions ---- */

/* The scale of the output that the reduction folds element by element; H5I_INVALID_HID: it has no such. */
static hid_t scale_of_output(hid_t group, const rk__contents *contents, const rk__result_field *field) {
    const rk_kernel *kernel = contents->space->kernel;
    const char *output = NULL;
    for (size_t r = 0; r < rk__kernel_reduction_count(kernel); r++)
        if (strcmp(kernel->reduce[r].name, field->name) == 0)
            output = kernel->reduce[r].output;
    for (size_t c = 0; output != NULL && c < contents->schema->column_count; c++) {
        const rk__column *column = &contents->schema->columns[c];
        if (strcmp(column->name, output) == 0 && column->keep && column->dim_count == 1 &&
            column->dims[0].size == field->count) {
            char name[96];
            snprintf(name, sizeof name, "/%s", column->dims[0].name);
            return H5Dopen2(group, name, H5P_DEFAULT);
        }
    }
    return H5I_INVALID_HID;
}

bool rk__labels_field(hid_t group, hid_t id, const rk__contents *contents, const rk__result_field *field) {
    char name[96];
    snprintf(name, sizeof name, "%s_item", field->name);
    hid_t named = scale_of_output(group, contents, field);
    if (named < 0)
        named = create_bare_scale(group, name, field->count);
    bool ok = named >= 0 && H5DSattach_scale(id, named, 0) >= 0;
    if (named >= 0)
        H5Dclose(named);
    return ok;
}

/* ---- values of varying length, folded ---- */

static rk_status create_starts(labels *all, const rk__column *column, const rk__schema *schema, const rk__space *space,
                               rk_error *err) {
    rk__column starts = *column;
    snprintf(starts.name, sizeof starts.name, "%s_start", column->values.name);
    snprintf(starts.help, sizeof starts.help, "where a task's values in %s begin", column->values.name);
    return create_output(all, &starts, schema, space, err);
}

/* As the CF conventions have it (contiguous ragged arrays): the count says over which dimension it counts. */
static bool describe_count(labels *all, const rk__column *column, const char *item) {
    hid_t count = H5Dopen2(all->file, column->name, H5P_DEFAULT);
    bool ok = count >= 0 && rk__attribute_text(count, "sample_dimension", item);
    H5Dclose(count);
    return ok;
}

static rk_status create_values(labels *all, const rk__column *column, rk_error *err) {
    char item[96];
    hsize_t total = column->values.count;
    hid_t scale_id;
    snprintf(item, sizeof item, "%s_item", column->values.name);
    RK_TRY(inner_scale(all, item, total, &scale_id, err));
    hid_t id = rk__dataset_create(all->file, column->values.name, rk__type_hdf5(column->values.type), 1, &total, NULL);
    if (id < 0)
        return no_label(column->values.name, err);
    bool ok = H5DSattach_scale(id, scale_id, 0) >= 0 && rk__attribute_text(id, "units", column->values.unit) &&
              rk__attribute_text(id, "long_name", column->values.help) && describe_count(all, column, item);
    H5Dclose(id);
    return ok ? RK_OK : no_label(column->values.name, err);
}

static rk_status create_folded(labels *all, const rk__schema *schema, const rk__space *space, rk_error *err) {
    for (size_t c = 0; schema->folded && c < schema->column_count; c++)
        if (schema->columns[c].varying) {
            RK_TRY(create_starts(all, &schema->columns[c], schema, space, err));
            RK_TRY(create_values(all, &schema->columns[c], err));
        }
    return RK_OK;
}

static rk_status create_all(labels *all, const rk__schema *schema, const rk__space *space, rk_error *err) {
    bool keeps = false;
    for (size_t c = 0; c < schema->column_count; c++)
        keeps = keeps || schema->columns[c].keep;
    for (size_t a = 0; keeps && a < space->axis_count; a++)
        RK_TRY(create_axis(all, &space->axes[a], err));
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep)
            RK_TRY(create_output(all, &schema->columns[c], schema, space, err));
    return create_folded(all, schema, space, err);
}

rk_status rk__labels_create(hid_t file, const rk__schema *schema, const rk__space *space, rk_error *err) {
    labels *all;
    RK_TRY(rk__alloc((void **)&all, 1, sizeof *all, "labels", err));
    all->file = file;
    rk_status status = create_all(all, schema, space, err);
    for (size_t s = 0; s < all->count; s++)
        H5Dclose(all->scales[s].id);
    free(all);
    return status;
}
