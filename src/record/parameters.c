/* The parameters that have one value for the whole run, as scalars that any reader can show. Rankine itself goes by the
 * text of the space. */
#include <string.h>

#include "base/types.h"
#include "kernel/loader.h"
#include "record/record_private.h"

static bool is_swept(const rk__space *space, const rk_param *param) {
    for (size_t a = 0; a < space->axis_count; a++)
        for (size_t c = 0; c < space->axes[a].column_count; c++)
            if (space->axes[a].columns[c].param == param)
                return true;
    return false;
}

static hid_t create_number(hid_t group, const rk_param *param, const void *field) {
    hid_t type = rk__type_hdf5(param->type), id = rk__dataset_create(group, param->name, type, 0, NULL, NULL);
    if (id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, field) < 0) {
        H5Dclose(id);
        return H5I_INVALID_HID;
    }
    return id;
}

static void text_of(const rk__space *space, const rk_param *param, const void *field, rk__text *out) {
    const char *string;
    int choice;
    if (param->type == RK_INPUT && space->has_input) {
        rk__text_add(out, "%s:%s", space->input.path, space->input.dataset);
    } else if (param->type == RK_ENUM) {
        memcpy(&choice, field, sizeof choice);
        rk__value_text(param, (rk__value){.as.i64 = choice}, out);
    } else if (param->type == RK_STRING) {
        memcpy(&string, field, sizeof string);
        rk__text_add(out, "%s", string != NULL ? string : "");
    }
}

static hid_t create_text(hid_t group, const rk__space *space, const rk_param *param, const void *field) {
    rk__text text = RK__TEXT_INIT;
    text_of(space, param, field, &text);
    hid_t id = text.failed ? H5I_INVALID_HID : rk__dataset_text(group, param->name, rk__text_get(&text));
    rk__text_fini(&text);
    return id;
}

static bool write_one(hid_t group, const rk__space *space, const rk_param *param) {
    const void *field = (const char *)space->base_params + param->offset;
    bool is_text = param->type == RK_STRING || param->type == RK_ENUM || param->type == RK_INPUT;
    hid_t id = is_text ? create_text(group, space, param, field) : create_number(group, param, field);
    if (id < 0)
        return false;
    bool ok = rk__attribute_text(id, "units", is_text ? NULL : param->unit) &&
              rk__attribute_text(id, "long_name", param->help);
    H5Dclose(id);
    return ok;
}

bool rk__parameters_write(hid_t group, const rk__space *space) {
    bool ok = true;
    for (size_t i = 0; ok && i < rk__kernel_param_count(space->kernel); i++)
        if (!is_swept(space, &space->kernel->params[i]))
            ok = write_one(group, space, &space->kernel->params[i]);
    return ok;
}
