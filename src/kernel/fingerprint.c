#include <xxhash.h>

#include "kernel/loader.h"

static const char *text_of(const char *text) {
    return text ? text : "-";
}

static void describe(const rk_kernel *kernel, rk__text *out) {
    rk__text_add(out, "%s %d\n", kernel->name, kernel->deterministic);
    for (size_t i = 0; i < rk__kernel_param_count(kernel); i++) {
        const rk_param *p = &kernel->params[i];
        rk__text_add(out, "param %s %d %s %s %s %d\n", p->name, (int)p->type, text_of(p->preset), text_of(p->unit),
                     text_of(p->choices), p->fixed);
    }
    for (size_t i = 0; i < rk__kernel_output_count(kernel); i++) {
        const rk_output *o = &kernel->outputs[i];
        rk__text_add(out, "output %s %d %d %s %s %d", o->name, (int)o->type, o->is_row, text_of(o->unit),
                     text_of(o->fill), o->drop);
        for (unsigned d = 0; d < RK_DIMS_MAX && o->shape[d] != NULL; d++)
            rk__text_add(out, " %s", o->shape[d]);
        if (o->always || o->measured)
            rk__text_add(out, " always %d measured %d", o->always, o->measured);
        rk__text_add(out, "\n");
    }
    if (kernel->ranks != NULL)
        rk__text_add(out, "ranks %s\n", kernel->ranks);
    for (size_t i = 0; i < rk__kernel_reduction_count(kernel); i++) {
        const rk_reduction *r = &kernel->reduce[i];
        rk__text_add(out, "reduce %s %d %s %s %s %s %zu %llu\n", r->name, (int)r->op, text_of(r->output),
                     text_of(r->lo), text_of(r->hi), text_of(r->bins), r->state_bytes, (unsigned long long)r->values);
    }
}

void rk__kernel_fingerprint(const rk_kernel *kernel, uint64_t out[2]) {
    rk__text text = RK__TEXT_INIT;
    describe(kernel, &text);
    XXH128_hash_t hash = XXH3_128bits(rk__text_get(&text), text.length);
    rk__text_fini(&text);
    out[0] = hash.low64;
    out[1] = hash.high64;
}
