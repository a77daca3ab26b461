/* Where a task lies, in words. */
#include <inttypes.h>

#include "space/space.h"

void rk__axis_value_text(rk__text *out, const rk__axis *axis, const rk__axis_column *column, uint64_t i) {
    char number[40];
    rk__value value = rk__axis_value(axis, column, i);
    if (column->param != NULL)
        rk__value_text(column->param, value, out);
    else
        rk__text_add(out, "%s", rk__format_f64(value.as.f64, number, sizeof number));
}

void rk__space_where(rk__text *out, const rk__space *space, uint64_t task) {
    for (size_t a = 0; a < space->axis_count; a++) {
        const rk__axis *axis = &space->axes[a];
        uint64_t i = axis->stride > 0 && axis->count > 0 ? task / axis->stride % axis->count : 0;
        if (axis->column_count == 0)
            rk__text_add(out, "%s%s=%" PRIu64, a > 0 ? " " : "", axis->name, i);
        for (size_t c = 0; c < axis->column_count; c++) {
            rk__text_add(out, "%s%s=", a + c > 0 ? " " : "", axis->columns[c].name);
            rk__axis_value_text(out, axis, &axis->columns[c], i);
        }
    }
}
