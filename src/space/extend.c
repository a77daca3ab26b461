/* Is a space an earlier one with more values? Then the tasks of the earlier one have numbers in it. */
#include <inttypes.h>
#include <string.h>

#include "space/space_private.h"

static bool same_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Parameters and input: all lines before the first axis. */
static size_t head_length(const char *text) {
    const char *axis = strstr(text, "\naxis ");
    return axis ? (size_t)(axis - text) : strlen(text);
}

static rk_status same_head(const rk__space *space, const rk__space *earlier, rk_error *err) {
    size_t length = head_length(space->text);
    if (length == head_length(earlier->text) && memcmp(space->text, earlier->text, length) == 0)
        return RK_OK;
    return rk__fail(err, RK_EMISMATCH, "the other parameters or the input are not the same");
}

static bool same_value(const rk_param *param, rk__value a, rk__value b) {
    return param != NULL && param->type == RK_STRING ? same_text(a.as.text, b.as.text) : a.as.u64 == b.as.u64;
}

/* How many values the axes share, from the first on. */
static uint64_t shared_values(const rk__axis *axis, const rk__axis *earlier) {
    uint64_t most = axis->count < earlier->count ? axis->count : earlier->count, shared = most;
    for (size_t c = 0; c < axis->column_count; c++)
        for (uint64_t i = 0; i < shared; i++)
            if (!same_value(axis->columns[c].param, rk__axis_value(axis, &axis->columns[c], i),
                            rk__axis_value(earlier, &earlier->columns[c], i)))
                shared = i;
    return shared;
}

static bool same_columns(const rk__axis *axis, const rk__axis *earlier) {
    if (axis->kind != earlier->kind || axis->column_count != earlier->column_count)
        return false;
    for (size_t c = 0; c < axis->column_count; c++)
        if (!same_text(axis->columns[c].name, earlier->columns[c].name))
            return false;
    return same_text(axis->name, earlier->name);
}

/* The end of a range is exact, and may differ in its last bit from the same place in a longer range: that one value is
 * computed again. */
static bool only_the_end_differs(const rk__axis *earlier, uint64_t shared) {
    bool range = earlier->column_count > 0 && earlier->columns[0].linear;
    return shared == earlier->count || (range && shared + 1 == earlier->count && shared > 0);
}

static rk_status compare_axis(const rk__space *space, const rk__space *earlier, size_t i, uint64_t *shared,
                              rk_error *err) {
    const rk__axis *now = &space->axes[i], *then = &earlier->axes[i];
    bool may_grow = i == 0 || i + 1 == space->axis_count;
    if (!same_columns(now, then))
        return rk__fail(err, RK_EMISMATCH, "axis %zu was '%s', and is '%s' now", i + 1, then->name, now->name);
    *shared = shared_values(now, then);
    if (now->count >= then->count && only_the_end_differs(then, *shared) &&
        (may_grow || (*shared == then->count && now->count == then->count)))
        return RK_OK;
    if (may_grow)
        return rk__fail(err, RK_EMISMATCH,
                        "axis '%s': value %" PRIu64 " of %" PRIu64 " is not what it was; new values come after the old",
                        now->name, *shared + 1, then->count);
    return rk__fail(err, RK_EMISMATCH, "axis '%s': values can be appended to the first and the last axis only",
                    now->name);
}

rk_status rk__space_extends(const rk__space *space, const rk__space *earlier, rk__extension *out, rk_error *err) {
    RK_TRY(same_head(space, earlier, err));
    if (space->axis_count != earlier->axis_count)
        return rk__fail(err, RK_EMISMATCH, "it had %zu axes, and has %zu now", earlier->axis_count, space->axis_count);
    rk__extension found = {1, 1, 1, 1};
    for (size_t i = 0; i < space->axis_count; i++) {
        uint64_t shared;
        bool last = i + 1 == space->axis_count;
        RK_TRY(compare_axis(space, earlier, i, &shared, err));
        if (last) {
            found.along = space->axes[i].count;
            found.along_before = earlier->axes[i].count;
            found.along_shared = shared;
        } else {
            found.points_shared *= i == 0 ? shared : earlier->axes[i].count;
        }
    }
    *out = found;
    return RK_OK;
}

bool rk__extension_find(const rk__extension *extension, uint64_t task, uint64_t *earlier) {
    uint64_t point = task / extension->along, place = task % extension->along;
    if (point >= extension->points_shared || place >= extension->along_shared)
        return false;
    *earlier = point * extension->along_before + place;
    return true;
}
