/* The kernel's own tasks: what its plan adds to a space. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "space/space_private.h"

/* Behind rk_plan.host. The first failure stays, also if the plan does not pass it on. */
typedef struct planner {
    rk__space *space;
    rk_status status;
    rk_error error;
} planner;

static int refuse(planner *p, rk_status status) {
    p->status = status;
    return (int)status;
}

static bool is_identifier(const char *name) {
    if (name == NULL || *name == '\0' || (*name >= '0' && *name <= '9'))
        return false;
    for (; *name != '\0'; name++)
        if (*name != '_' && !(*name >= 'a' && *name <= 'z') && !(*name >= 'A' && *name <= 'Z') &&
            !(*name >= '0' && *name <= '9'))
            return false;
    return true;
}

/* What else has that name, or NULL. */
static const char *owner_of(const rk__space *space, const char *name) {
    for (size_t i = 0; i < RK_OUTPUTS_MAX && space->kernel->outputs[i].name != NULL; i++)
        if (strcmp(space->kernel->outputs[i].name, name) == 0)
            return "an output";
    if (rk__param_find(space->kernel, name, strlen(name)) != NULL)
        return "a parameter";
    for (size_t i = 0; i < space->axis_count; i++)
        if (space->axes[i].kind == RK__AXIS_PLANNED && strcmp(space->axes[i].name, name) == 0)
            return "an axis";
    for (size_t i = 0; i < space->priv->dimension_count; i++)
        if (strcmp(space->priv->dimensions[i].name, name) == 0)
            return "a dimension";
    return NULL;
}

static int check_name(planner *p, const char *what, const char *name) {
    if (!is_identifier(name))
        return refuse(p, rk__fail(&p->error, RK_EINVAL, "its plan names %s '%.80s', which is no identifier", what,
                                  name != NULL ? name : ""));
    const char *owner = owner_of(p->space, name);
    if (owner != NULL)
        return refuse(
            p, rk__fail(&p->error, RK_EINVAL, "its plan names %s '%.80s', but %s has that name", what, name, owner));
    return RK_OK;
}

/* ---- an axis ---- */

static rk_status add_coordinates(rk__axis *axis, double first, double step, const char *unit, const char *help,
                                 rk_error *err) {
    const rk_param labels = {.name = axis->name, .unit = unit, .help = help};
    void *column;
    RK_TRY(rk__alloc(&column, 1, sizeof(rk__axis_column), "a planned axis", err));
    axis->columns = column;
    RK_TRY(rk__axis_column_init(axis->columns, &labels, err));
    axis->column_count = 1;
    axis->columns->param = NULL;
    axis->columns->linear = true;
    axis->columns->first.as.f64 = first;
    axis->columns->step.as.f64 = step;
    axis->columns->lattice = rk__lattice_of_step(first, step);
    axis->columns->last.as.f64 = rk__lattice_value(&axis->columns->lattice, first, step, axis->count - 1);
    return RK_OK;
}

static rk_status add_axis(planner *p, const char *name, uint64_t count, double first, double step, const char *unit,
                          const char *help) {
    rk__axis axis = {.kind = RK__AXIS_PLANNED, .count = count, .name = rk__strdup(name)};
    rk_status status = axis.name != NULL ? RK_OK : rk__fail(&p->error, RK_ENOMEM, "out of memory for its plan");
    if (status == RK_OK && step != 0)
        status = add_coordinates(&axis, first, step, unit, help, &p->error);
    if (status == RK_OK)
        status = rk__space_add_axis(p->space, axis, &p->error);
    if (status != RK_OK)
        rk__axis_fini(&axis);
    return status;
}

static int plan_axis(rk_plan *plan, const char *name, uint64_t count, double first, double step, const char *unit,
                     const char *help) {
    planner *p = plan->host;
    if (p->status != RK_OK || check_name(p, "an axis", name) != RK_OK)
        return (int)p->status;
    if (count == 0)
        return refuse(p, rk__fail(&p->error, RK_EINVAL, "its plan gives the axis '%s' no tasks", name));
    if (!isfinite(first) || !isfinite(fma((double)(count - 1), step, first)))
        return refuse(
            p, rk__fail(&p->error, RK_EINVAL, "its plan gives the axis '%s' coordinates that are not finite", name));
    return refuse(p, add_axis(p, name, count, first, step, unit, help));
}

/* ---- a dimension ---- */

static int plan_dimension(rk_plan *plan, const char *name, uint64_t size) {
    planner *p = plan->host;
    struct rk__space_private *priv = p->space->priv;
    if (p->status != RK_OK || check_name(p, "a dimension", name) != RK_OK)
        return (int)p->status;
    if (size == 0)
        return refuse(p, rk__fail(&p->error, RK_EINVAL, "its plan gives the dimension '%s' the size 0", name));
    if (priv->dimension_count == RK__PLANNED_DIMENSIONS_MAX)
        return refuse(
            p, rk__fail(&p->error, RK_EOVERFLOW, "its plan has more than %d dimensions", RK__PLANNED_DIMENSIONS_MAX));
    char *copy = rk__strdup(name);
    if (copy == NULL)
        return refuse(p, rk__fail(&p->error, RK_ENOMEM, "out of memory for its plan"));
    priv->dimensions[priv->dimension_count++] = (rk__planned_dimension){copy, size};
    return RK_OK;
}

static int plan_fail(rk_plan *plan, const char *fmt, va_list args) {
    planner *p = plan->host;
    if (p->status == RK_OK) {
        char message[RK_ERROR_TEXT_MAX];
        vsnprintf(message, sizeof message, fmt, args);
        return refuse(p, rk__fail(&p->error, RK_EINVAL, "%s", message));
    }
    return (int)p->status;
}

static int plan_fail_text(rk_plan *plan, const char *text) {
    return rk_plan_fail(plan, "%s", text);
}

rk_status rk__space_plan(rk__space *space, rk_error *err) {
    static const rk_plan_api api = {sizeof api, plan_axis, plan_dimension, plan_fail, plan_fail_text};
    if (space->kernel->plan == NULL)
        return RK_OK;
    planner p = {.space = space, .status = RK_OK, .error = RK_ERROR_INIT};
    rk_plan plan = {&api, &p};
    int code = space->kernel->plan(&plan, space->base_params);
    if (p.status != RK_OK)
        return rk__fail(err, p.status, "kernel '%s': %.900s", space->kernel->name, p.error.message);
    if (code != RK_OK)
        return rk__fail(err, RK_EKERNEL, "kernel '%s': its plan failed with code %d and no message",
                        space->kernel->name, code);
    return RK_OK;
}
