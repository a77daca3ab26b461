/* Makes its description of what is given: an output for each number, and refusals of every kind. */
#include <rankine/kernel.h>

#include <stdlib.h>
#include <string.h>

typedef struct params {
    const char *label;
    double values[8];
} params;

typedef struct result {
    double values[8];
} result;

static const char *const names[] = {"out0", "out1", "out2", "out3", "out4", "out5", "out6", "out7"};
static rk_kernel made;
static size_t made_count;

static int run(rk_task *task, const void *from, void *to) {
    const params *p = from;
    (void)task;
    for (size_t i = 0; i < made_count; i++)
        ((result *)to)->values[i] = 2 * p->values[i];
    return RK_OK;
}

static void add(const rk_given *given) {
    rk_param *param = &made.params[made_count + 1];
    *param = (rk_param){
        .name = strdup(given->name), .offset = offsetof(params, values) + 8 * made_count, .size = 8, .type = RK_F64};
    made.outputs[made_count] =
        (rk_output){.name = names[made_count], .offset = 8 * made_count, .size = 8, .type = RK_F64};
    made_count++;
}

static const rk_kernel *make(rk_maker *maker) {
    made_count = 0;
    made = (rk_kernel){.magic = RK_KERNEL_MAGIC,
                       .abi = RK_KERNEL_ABI,
                       .size = sizeof(rk_kernel),
                       .name = "maker",
                       .summary = "outputs that are twice what is given",
                       .version = "1",
                       .deterministic = true,
                       .params_size = sizeof(params),
                       .result_size = sizeof(result),
                       .params = {RK_PARAM(params, label, RK_STRING, "none", NULL, NULL, .fixed = true)},
                       .run = run};
    for (size_t i = 0; i < maker->count; i++) {
        const rk_given *given = &maker->given[i];
        if (strcmp(given->name, "silent") == 0)
            return NULL;
        if (strcmp(given->name, "refused") == 0)
            return rk_maker_fail(maker, "refused is %s", given->value ? given->value : "several") ? NULL : &made;
        if (strcmp(given->name, "nameless") == 0)
            made.name = "not a name";
        else if (strcmp(given->name, "label") != 0 && made_count < 8)
            add(given);
    }
    return &made;
}

RK_KERNEL_MAKER(make)
