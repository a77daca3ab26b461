#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "reduce/reducer_private.h"

const rk__operator *rk__operator_of(rk_op op) {
    switch (op) {
    case RK_COUNT:
        return &rk__operator_count;
    case RK_SUM:
        return &rk__operator_sum;
    case RK_MEAN:
        return &rk__operator_mean;
    case RK_VARIANCE:
        return &rk__operator_variance;
    case RK_MIN:
    case RK_MAX:
        return &rk__operator_extreme;
    case RK_ARGMIN:
    case RK_ARGMAX:
        return &rk__operator_place;
    case RK_HISTOGRAM:
        return &rk__operator_histogram;
    case RK_TOPK:
        return &rk__operator_topk;
    case RK_CUSTOM:
        return &rk__operator_custom;
    }
    return NULL;
}

static rk_status check_spec(const rk__reduction_spec *spec, rk_error *err) {
    bool elementwise = spec->op == RK_SUM || spec->op == RK_MEAN || spec->op == RK_VARIANCE || spec->op == RK_MIN ||
                       spec->op == RK_MAX;
    if (rk__operator_of(spec->op) == NULL)
        return rk__fail(err, RK_EINVAL, "reduction '%s': no operator number %d", spec->name, (int)spec->op);
    if (spec->op != RK_CUSTOM && rk__type_bytes(spec->type) == 0)
        return rk__fail(err, RK_EINVAL, "reduction '%s': a value of type %s cannot be reduced", spec->name,
                        rk__type_name(spec->type));
    if (spec->elements != 1 && !elementwise)
        return rk__fail(err, RK_EINVAL, "reduction '%s': %s takes a scalar output, not an array", spec->name,
                        rk__op_name(spec->op));
    if ((spec->op == RK_HISTOGRAM || spec->op == RK_TOPK) && spec->bins == 0)
        return rk__fail(err, RK_EINVAL, "reduction '%s': bins must be at least 1", spec->name);
    if (spec->op == RK_HISTOGRAM && !(spec->lo < spec->hi && isfinite(spec->hi - spec->lo)))
        return rk__fail(err, RK_EINVAL, "reduction '%s': lo (%g) must be below hi (%g), both finite", spec->name,
                        spec->lo, spec->hi);
    if (spec->op == RK_CUSTOM && (!spec->merge || !spec->finish || spec->state_bytes == 0 || spec->values == 0))
        return rk__fail(err, RK_EINVAL, "reduction '%s': needs a state, merge, finish and values", spec->name);
    return RK_OK;
}

static void add_field(rk__reducer *reducer, unsigned item, const char *suffix, rk_type type, uint64_t count) {
    const rk__reduction_spec *spec = &reducer->items[item].spec;
    rk__result_field *field = &reducer->fields[reducer->field_count++];
    *field = (rk__result_field){.reduction = item,
                                .type = type,
                                .count = count,
                                .elementwise = spec->elements > 1,
                                .offset = reducer->results_bytes,
                                .unit = spec->unit,
                                .help = spec->help};
    snprintf(field->name, sizeof field->name, "%s%s", spec->name, suffix);
    size_t bytes = (size_t)count * rk__type_bytes(type);
    reducer->results_bytes += (bytes + 7) & ~(size_t)7;
}

static rk_type sum_type(rk_type type) {
    return rk__type_is_float(type) ? RK_F64 : rk__type_is_signed(type) ? RK_I64 : RK_U64;
}

static void add_fields(rk__reducer *reducer, unsigned item) {
    const rk__reduction_spec *spec = &reducer->items[item].spec;
    switch (spec->op) {
    case RK_SUM:
        add_field(reducer, item, "", sum_type(spec->type), spec->elements);
        break;
    case RK_MEAN:
    case RK_VARIANCE:
        add_field(reducer, item, "", RK_F64, spec->elements);
        break;
    case RK_MIN:
    case RK_MAX:
        add_field(reducer, item, "", spec->type, spec->elements);
        break;
    case RK_COUNT:
    case RK_ARGMIN:
    case RK_ARGMAX:
        add_field(reducer, item, "", RK_U64, 1);
        break;
    case RK_HISTOGRAM:
        add_field(reducer, item, "", RK_U64, spec->bins);
        add_field(reducer, item, "_edges", RK_F64, spec->bins + 1);
        add_field(reducer, item, "_below", RK_U64, 1);
        add_field(reducer, item, "_above", RK_U64, 1);
        add_field(reducer, item, "_nan", RK_U64, 1);
        break;
    case RK_TOPK:
        add_field(reducer, item, "", RK_F64, spec->bins);
        add_field(reducer, item, "_index", RK_U64, spec->bins);
        break;
    case RK_CUSTOM:
        add_field(reducer, item, "", RK_F64, spec->values);
        break;
    }
}

static rk_status add_item(rk__reducer *reducer, const rk__reduction_spec *spec, rk_error *err) {
    RK_TRY(check_spec(spec, err));
    rk__reducer_item *item = &reducer->items[reducer->count];
    uint64_t bytes, total;
    *item = (rk__reducer_item){*spec, rk__operator_of(spec->op), reducer->partial_bytes, 0};
    item->element_bytes = item->op->bytes(spec);
    if (!rk__mul_u64(item->element_bytes, spec->elements, &bytes) ||
        !rk__add_u64(bytes, reducer->partial_bytes, &total) || total > UINT64_C(1) << 40)
        return rk__fail(err, RK_EOVERFLOW, "reduction '%s': its state would take more than 1 TiB", spec->name);
    reducer->partial_bytes = (size_t)total;
    add_fields(reducer, (unsigned)reducer->count++);
    return RK_OK;
}

rk_status rk__reducer_create(rk__reducer **out, const rk__reduction_spec *specs, size_t count, rk_error *err) {
    rk__reducer *reducer;
    if (count > RK_REDUCTIONS_MAX)
        return rk__fail(err, RK_EINVAL, "%zu reductions; at most %d are possible", count, RK_REDUCTIONS_MAX);
    RK_TRY(rk__alloc((void **)&reducer, 1, sizeof *reducer, "reductions", err));
    for (size_t i = 0; i < count; i++) {
        rk_status status = add_item(reducer, &specs[i], err);
        if (status != RK_OK) {
            free(reducer);
            return status;
        }
    }
    *out = reducer;
    return RK_OK;
}

void rk__reducer_destroy(rk__reducer *reducer) {
    free(reducer);
}

size_t rk__reducer_count(const rk__reducer *reducer) {
    return reducer->count;
}

size_t rk__reducer_partial_bytes(const rk__reducer *reducer) {
    return reducer->partial_bytes;
}

const rk__result_field *rk__reducer_fields(const rk__reducer *reducer, size_t *count) {
    *count = reducer->field_count;
    return reducer->fields;
}

size_t rk__reducer_results_bytes(const rk__reducer *reducer) {
    return reducer->results_bytes;
}

rk_status rk__reducer_results(const rk__reducer *reducer, const void *partial, void *results, rk_error *err) {
    unsigned number = 0; /* of the field within its reduction */
    memset(results, 0, reducer->results_bytes);
    for (size_t f = 0; f < reducer->field_count; f++) {
        const rk__result_field *field = &reducer->fields[f];
        const rk__reducer_item *item = &reducer->items[field->reduction];
        number = f > 0 && reducer->fields[f - 1].reduction == field->reduction ? number + 1 : 0;
        const char *state = (const char *)partial + item->offset;
        char *out = (char *)results + field->offset;
        for (uint64_t e = 0; e < item->spec.elements; e++)
            RK_TRY(item->op->result(&item->spec, state + e * item->element_bytes, number,
                                    out + e * rk__type_bytes(field->type), err));
    }
    return RK_OK;
}

size_t rk__reducer_state_bytes(const rk__reducer *reducer, size_t reduction) {
    const rk__reducer_item *item = &reducer->items[reduction];
    return (size_t)item->spec.elements * item->element_bytes;
}

void rk__reducer_accumulate(const rk__reducer *reducer, size_t reduction, void *state, const double *values,
                            uint64_t count, uint64_t first_index) {
    const rk__reducer_item *item = &reducer->items[reduction];
    if (item->op->add != NULL)
        item->op->add(&item->spec, state, (const char *)values, sizeof *values, count, first_index);
}

void rk__reducer_merge_item(const rk__reducer_item *item, void *into, const void *from) {
    for (uint64_t e = 0; e < item->spec.elements; e++)
        item->op->merge(&item->spec, (char *)into + e * item->element_bytes,
                        (const char *)from + e * item->element_bytes);
}
