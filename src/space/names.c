/* Parameters by name, and what to say when there is none of that name. */
#include <stdio.h>
#include <string.h>

#include "space/space_private.h"

size_t rk__params(const rk_kernel *kernel) {
    size_t count = 0;
    while (count < RK_PARAMS_MAX && kernel->params[count].name != NULL)
        count++;
    return count;
}

const rk_param *rk__param_find(const rk_kernel *kernel, const char *name, size_t length) {
    for (size_t i = 0; i < rk__params(kernel); i++)
        if (strlen(kernel->params[i].name) == length && memcmp(kernel->params[i].name, name, length) == 0)
            return &kernel->params[i];
    return NULL;
}

size_t rk__param_index(const rk_kernel *kernel, const rk_param *param) {
    return (size_t)(param - kernel->params);
}

/* A name near enough to be meant, or NULL. */
static const char *nearest(const rk_kernel *kernel, const char *name, size_t length) {
    const char *names[RK_PARAMS_MAX];
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), name);
    for (size_t i = 0; i < rk__params(kernel); i++)
        names[i] = kernel->params[i].name;
    return rk__nearest(word, names, rk__params(kernel));
}

rk_status rk__param_require(const rk_kernel *kernel, const char *name, size_t length, const char *where,
                            const rk_param **out, rk_error *err) {
    const rk_param *param = rk__param_find(kernel, name, length);
    if (param != NULL) {
        *out = param;
        return RK_OK;
    }
    rk__text all = RK__TEXT_INIT;
    for (size_t i = 0; i < rk__params(kernel); i++)
        rk__text_add(&all, "%s%s", i > 0 ? ", " : "", kernel->params[i].name);
    const char *near = nearest(kernel, name, length);
    rk__fail(err, RK_EINVAL, "%skernel '%s' has no parameter '%.*s'%s%s%s (it has %s)", where, kernel->name,
             (int)(length < 200 ? length : 200), name, near != NULL ? ": did you mean '" : "", near != NULL ? near : "",
             near != NULL ? "'?" : "", all.length > 0 ? rk__text_get(&all) : "none");
    rk__text_fini(&all);
    return RK_EINVAL;
}

static bool same(const char *a, const char *b) {
    return a != NULL && strcmp(a, b) == 0;
}

const char *rk__param_fixed(const rk_kernel *kernel, const rk_param *param, char *buffer, size_t size) {
    for (size_t i = 0; i < RK_OUTPUTS_MAX && kernel->outputs[i].name != NULL; i++)
        for (size_t d = 0; d < RK_DIMS_MAX; d++)
            if (same(kernel->outputs[i].shape[d], param->name)) {
                snprintf(buffer, size, "it is a size of output '%s'", kernel->outputs[i].name);
                return buffer;
            }
    for (size_t i = 0; i < RK_REDUCTIONS_MAX && kernel->reduce[i].name != NULL; i++) {
        const rk_reduction *r = &kernel->reduce[i];
        if (same(r->lo, param->name) || same(r->hi, param->name) || same(r->bins, param->name)) {
            snprintf(buffer, size, "reduction '%s' needs it", r->name);
            return buffer;
        }
    }
    if (!param->fixed)
        return NULL;
    snprintf(buffer, size, "the kernel asks for that");
    return buffer;
}
