/* Is a kernel's description sound? It comes from somebody else's compiler: nothing in it is believed. */
#include <ctype.h>
#include <string.h>

#include "base/types.h"
#include "kernel/loader.h"
#include "space/space.h"

size_t rk__kernel_param_count(const rk_kernel *kernel) {
    size_t count = 0;
    while (count < RK_PARAMS_MAX && kernel->params[count].name != NULL)
        count++;
    return count;
}

size_t rk__kernel_output_count(const rk_kernel *kernel) {
    size_t count = 0;
    while (count < RK_OUTPUTS_MAX && kernel->outputs[count].name != NULL)
        count++;
    return count;
}

size_t rk__kernel_reduction_count(const rk_kernel *kernel) {
    size_t count = 0;
    while (count < RK_REDUCTIONS_MAX && kernel->reduce[count].name != NULL)
        count++;
    return count;
}

static bool is_identifier(const char *name) {
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    size_t length = 1;
    for (; name[length] != '\0'; length++)
        if (!isalnum((unsigned char)name[length]) && name[length] != '_')
            return false;
    return length <= 60;
}

static bool is_reserved(const char *name) {
    static const char *const reserved[] = {"task_status", "replicate", "row", "rankine", "reduced"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}

static rk_status check_name(const rk_kernel *kernel, const char *what, const char *name, rk_error *err) {
    if (!is_identifier(name))
        return rk__fail(err, RK_EINVAL,
                        "kernel '%s': %s '%s': a name is a letter and then letters, digits and _, at most 60",
                        kernel->name, what, name);
    if (is_reserved(name))
        return rk__fail(err, RK_EINVAL, "kernel '%s': %s '%s': Rankine uses this name itself; take another",
                        kernel->name, what, name);
    return RK_OK;
}

static rk_status named_twice(const rk_kernel *kernel, const char *name, rk_error *err) {
    return rk__fail(err, RK_EINVAL, "kernel '%s': the name '%s' is used twice", kernel->name, name);
}

/* Parameters and outputs share the file's root: a swept parameter is a coordinate there. */
static rk_status check_unique(const rk_kernel *kernel, rk_error *err) {
    size_t params = rk__kernel_param_count(kernel), outputs = rk__kernel_output_count(kernel);
    for (size_t i = 0; i < params + outputs; i++)
        for (size_t j = 0; j < i; j++) {
            const char *a = i < params ? kernel->params[i].name : kernel->outputs[i - params].name;
            const char *b = j < params ? kernel->params[j].name : kernel->outputs[j - params].name;
            if (strcmp(a, b) == 0)
                return named_twice(kernel, a, err);
        }
    for (size_t i = 0; i < rk__kernel_reduction_count(kernel); i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(kernel->reduce[i].name, kernel->reduce[j].name) == 0)
                return named_twice(kernel, kernel->reduce[i].name, err);
    return RK_OK;
}

static size_t param_bytes(rk_type type) {
    switch (type) {
    case RK_BOOL:
        return sizeof(bool);
    case RK_STRING:
        return sizeof(const char *);
    case RK_ENUM:
        return sizeof(int);
    case RK_INPUT:
        return sizeof(rk_input);
    default:
        return rk__type_bytes(type);
    }
}

static rk_status check_param(const rk_kernel *kernel, const rk_param *param, rk_error *err) {
    RK_TRY(check_name(kernel, "parameter", param->name, err));
    size_t bytes = param_bytes(param->type);
    if (bytes == 0 || bytes != param->size)
        return rk__fail(err, RK_EINVAL, "kernel '%s': parameter '%s' is declared %s, but its field has %zu bytes",
                        kernel->name, param->name, rk__type_name(param->type), param->size);
    if (kernel->params_size != 0 && param->offset + param->size > kernel->params_size)
        return rk__fail(err, RK_EINVAL, "kernel '%s': parameter '%s' lies outside its struct", kernel->name,
                        param->name);
    if (param->type == RK_ENUM && (param->choices == NULL || param->choices[0] == '\0'))
        return rk__fail(err, RK_EINVAL, "kernel '%s': parameter '%s' needs .choices = \"a|b\"", kernel->name,
                        param->name);
    if (param->preset == NULL || param->type == RK_INPUT)
        return RK_OK;
    rk__value value;
    if (rk__value_parse(param, param->preset, &value, err) != RK_OK)
        return rk__prefix(err, "kernel '%s': default: ", kernel->name);
    rk__value_fini(param, &value);
    return RK_OK;
}

static rk_status check_varying(const rk_kernel *kernel, const rk_output *output, rk_error *err) {
    if (rk__type_bytes(output->type) == 0)
        return rk__fail(err, RK_EINVAL, "kernel '%s': output '%s': %s cannot be emitted", kernel->name, output->name,
                        rk__type_name(output->type));
    if (output->is_row || output->shape[0] != NULL || output->fill != NULL || output->drop)
        return rk__fail(err, RK_EINVAL, "kernel '%s': output '%s' is emitted: it has no shape, fill or drop",
                        kernel->name, output->name);
    if (strlen(output->name) > 50)
        return rk__fail(err, RK_EINVAL, "kernel '%s': output '%s': at most 50 letters for one that is emitted",
                        kernel->name, output->name);
    return RK_OK;
}

static rk_status check_output(const rk_kernel *kernel, const rk_output *output, rk_error *err) {
    RK_TRY(check_name(kernel, "output", output->name, err));
    if (output->varying)
        return check_varying(kernel, output, err);
    size_t bytes = rk__type_bytes(output->type);
    if (bytes == 0 || bytes != output->size)
        return rk__fail(err, RK_EINVAL, "kernel '%s': output '%s' is declared %s, but its field has %zu bytes",
                        kernel->name, output->name, rk__type_name(output->type), output->size);
    if (output->is_row && output->shape[0] == NULL)
        return rk__fail(err, RK_EINVAL, "kernel '%s': output '%s' is a row and needs .shape = {\"...\"}", kernel->name,
                        output->name);
    return RK_OK;
}

static const rk_output *find_output(const rk_kernel *kernel, const char *name) {
    for (size_t o = 0; o < rk__kernel_output_count(kernel); o++)
        if (strcmp(kernel->outputs[o].name, name) == 0)
            return &kernel->outputs[o];
    return NULL;
}

static rk_status check_reduction(const rk_kernel *kernel, const rk_reduction *reduction, rk_error *err) {
    if (!is_identifier(reduction->name))
        return check_name(kernel, "reduction", reduction->name, err);
    if (reduction->op < RK_COUNT || reduction->op > RK_CUSTOM)
        return rk__fail(err, RK_EINVAL, "kernel '%s': reduction '%s': no operator number %d", kernel->name,
                        reduction->name, (int)reduction->op);
    if (reduction->output != NULL && find_output(kernel, reduction->output) == NULL)
        return rk__fail(err, RK_EINVAL, "kernel '%s': reduction '%s' folds '%s', which is no output", kernel->name,
                        reduction->name, reduction->output);
    if (reduction->output != NULL && find_output(kernel, reduction->output)->measured)
        return rk__fail(err, RK_EINVAL,
                        "kernel '%s': reduction '%s' folds '%s', which is measured: the digest of the run would differ "
                        "from time to time",
                        kernel->name, reduction->name, reduction->output);
    if (reduction->output != NULL && find_output(kernel, reduction->output)->varying)
        return rk__fail(err, RK_EINVAL,
                        "kernel '%s': reduction '%s' folds '%s', which is emitted: feed it by rk_accumulate",
                        kernel->name, reduction->name, reduction->output);
    bool needs_bins = reduction->op == RK_HISTOGRAM || reduction->op == RK_TOPK;
    if (needs_bins && reduction->bins == NULL)
        return rk__fail(err, RK_EINVAL, "kernel '%s': reduction '%s' needs .bins", kernel->name, reduction->name);
    if (reduction->op == RK_HISTOGRAM && (reduction->lo == NULL || reduction->hi == NULL))
        return rk__fail(err, RK_EINVAL, "kernel '%s': reduction '%s' needs .lo and .hi", kernel->name, reduction->name);
    return RK_OK;
}

rk_status rk__kernel_check(const rk_kernel *kernel, rk_error *err) {
    if (kernel->name == NULL || !is_identifier(kernel->name))
        return rk__fail(err, RK_EINVAL, "kernel '%.60s': a name is a letter and then letters, digits and _",
                        kernel->name ? kernel->name : "");
    if (kernel->version != NULL && strlen(kernel->version) > 200)
        return rk__fail(err, RK_EINVAL, "kernel '%s': its version has more than 200 bytes", kernel->name);
    if ((kernel->run == NULL) == (kernel->run_batch == NULL))
        return rk__fail(err, RK_EINVAL, "kernel '%s': give one of .run and .run_batch", kernel->name);
    if (kernel->ranks != NULL && kernel->run == NULL)
        return rk__fail(err, RK_EINVAL, "kernel '%s': tasks on several ranks (.ranks) want .run, not .run_batch",
                        kernel->name);
    for (size_t p = 0; p < rk__kernel_param_count(kernel); p++)
        RK_TRY(check_param(kernel, &kernel->params[p], err));
    for (size_t o = 0; o < rk__kernel_output_count(kernel); o++)
        RK_TRY(check_output(kernel, &kernel->outputs[o], err));
    for (size_t r = 0; r < rk__kernel_reduction_count(kernel); r++)
        RK_TRY(check_reduction(kernel, &kernel->reduce[r], err));
    return check_unique(kernel, err);
}
